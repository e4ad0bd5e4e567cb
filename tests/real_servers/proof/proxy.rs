//! Each switch of the proxy, seen by a client of a real server behind it.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Direction, NatsServer, Proxy, READY_BOUND, RedisServer, wait_until};

/// Long enough for an answer on loopback, short enough to wait for one that must not come.
const SILENCE: Duration = Duration::from_millis(300);

/// A Redis behind a proxy, and a plain connection through it.
async fn redis_behind_proxy() -> (RedisServer, Proxy, TcpStream) {
    let server = RedisServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    let stream = TcpStream::connect(proxy.addr()).await.unwrap();
    (server, proxy, stream)
}

/// Sends one command and reads one line; `Err` says what the socket said.
async fn ask(stream: &mut TcpStream, command: &str) -> std::io::Result<String> {
    stream.write_all(format!("{command}\r\n").as_bytes()).await?;
    answer(stream).await
}

async fn answer(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut line = Vec::new();
    loop {
        match stream.read_u8().await? {
            b'\n' => return Ok(String::from_utf8_lossy(&line).trim().to_owned()),
            byte => line.push(byte),
        }
    }
}

async fn is_silent(stream: &mut TcpStream) -> bool {
    tokio::time::timeout(SILENCE, answer(stream)).await.is_err()
}

async fn counter(server: &RedisServer) -> i64 {
    let mut connection: MultiplexedConnection = server.connection().await;
    let found: Option<i64> = redis::cmd("GET").arg("n").query_async(&mut connection).await.unwrap();
    found.unwrap_or(0)
}

#[tokio::test]
async fn healthy_it_forwards_both_ways() {
    let (_server, _proxy, mut stream) = redis_behind_proxy().await;
    assert_eq!(ask(&mut stream, "PING").await.unwrap(), "+PONG");
}

#[tokio::test]
async fn large_values_pass_unchanged() {
    let (_server, proxy, _) = redis_behind_proxy().await;
    let value: Vec<u8> = (0..5_000_000_u32).map(|i| i.to_le_bytes()[i as usize % 4]).collect();
    let client = redis::Client::open(proxy.url("redis")).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    redis::cmd("SET").arg("v").arg(&value).exec_async(&mut connection).await.unwrap();
    let back: Vec<u8> = redis::cmd("GET").arg("v").query_async(&mut connection).await.unwrap();
    assert!(back == value, "5 MB came back changed");
}

#[tokio::test]
async fn cut_to_the_server_loses_the_request() {
    let (server, proxy, mut stream) = redis_behind_proxy().await;
    proxy.cut(Direction::ToServer);
    stream.write_all(b"INCR n\r\n").await.unwrap();
    assert!(is_silent(&mut stream).await);
    assert_eq!(counter(&server).await, 0);

    // The connection has a hole now: it is reset, and never carries later bytes.
    proxy.heal().await;
    assert_eq!(answer(&mut stream).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let mut again = TcpStream::connect(proxy.addr()).await.unwrap();
    assert_eq!(ask(&mut again, "INCR n").await.unwrap(), ":1");
}

#[tokio::test]
async fn cut_to_the_client_does_the_deed_and_loses_the_answer() {
    let (server, proxy, mut stream) = redis_behind_proxy().await;
    proxy.cut(Direction::ToClient);
    stream.write_all(b"INCR n\r\n").await.unwrap();
    wait_until("the server counted", READY_BOUND, async || counter(&server).await == 1).await;
    assert!(is_silent(&mut stream).await);

    proxy.heal().await;
    assert_eq!(answer(&mut stream).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_cut_without_traffic_leaves_no_trace() {
    let (_server, proxy, mut stream) = redis_behind_proxy().await;
    assert_eq!(ask(&mut stream, "INCR n").await.unwrap(), ":1");
    proxy.cut(Direction::Both);
    proxy.heal().await;
    assert_eq!(ask(&mut stream, "INCR n").await.unwrap(), ":2");
}

#[tokio::test]
async fn stall_holds_everything_back_and_loses_nothing() {
    let (server, proxy, mut stream) = redis_behind_proxy().await;
    proxy.stall();
    stream.write_all(b"INCR n\r\nINCR n\r\n").await.unwrap();
    assert!(is_silent(&mut stream).await);
    assert_eq!(counter(&server).await, 0);

    proxy.heal().await;
    assert_eq!(answer(&mut stream).await.unwrap(), ":1");
    assert_eq!(answer(&mut stream).await.unwrap(), ":2");
}

#[tokio::test]
async fn delay_comes_twice_in_a_round_trip_and_is_not_added_up() {
    let (_server, proxy, mut stream) = redis_behind_proxy().await;
    proxy.delay(Duration::from_millis(50));
    let began = Instant::now();
    assert_eq!(ask(&mut stream, "PING").await.unwrap(), "+PONG");
    assert!(began.elapsed() >= Duration::from_millis(100));

    // 200 requests in flight at once: one after the other they would take 20 s.
    let pipelined = async {
        for _ in 0..200 {
            stream.write_all(b"INCR n\r\n").await.unwrap();
        }
        for n in 1..=200 {
            assert_eq!(answer(&mut stream).await.unwrap(), format!(":{n}"));
        }
    };
    tokio::time::timeout(READY_BOUND, pipelined).await.expect("delays overlap");
}

#[tokio::test]
async fn reset_ends_open_connections_with_an_error_and_lets_new_ones_in() {
    let (_server, proxy, mut stream) = redis_behind_proxy().await;
    assert_eq!(ask(&mut stream, "PING").await.unwrap(), "+PONG");
    proxy.reset_connections();
    assert_eq!(answer(&mut stream).await.unwrap_err().kind(), ErrorKind::ConnectionReset);

    let mut again = TcpStream::connect(proxy.addr()).await.unwrap();
    assert_eq!(ask(&mut again, "PING").await.unwrap(), "+PONG");
}

#[tokio::test]
async fn refuse_turns_new_connections_away_and_keeps_the_open_ones() {
    let (_server, proxy, mut stream) = redis_behind_proxy().await;
    assert_eq!(ask(&mut stream, "PING").await.unwrap(), "+PONG");
    proxy.refuse().await;
    let refused = TcpStream::connect(proxy.addr()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(ask(&mut stream, "PING").await.unwrap(), "+PONG");

    proxy.heal().await;
    let mut again = TcpStream::connect(proxy.addr()).await.unwrap();
    assert_eq!(ask(&mut again, "PING").await.unwrap(), "+PONG");
}

#[tokio::test]
async fn a_dead_server_ends_the_connection() {
    let (mut server, _proxy, mut stream) = redis_behind_proxy().await;
    assert_eq!(ask(&mut stream, "PING").await.unwrap(), "+PONG");
    server.kill();
    assert!(answer(&mut stream).await.is_err());
}

#[tokio::test]
async fn a_nats_client_survives_a_reset() {
    let server = NatsServer::start().await;
    let proxy = Proxy::start(server.addr()).await;
    // A request that was in flight at the reset hears of it only by its own timeout.
    let options = async_nats::ConnectOptions::new().request_timeout(Some(SILENCE));
    let client = options.connect(proxy.url("nats")).await.unwrap();
    let context = async_nats::jetstream::new(client);
    context.query_account().await.unwrap();
    proxy.reset_connections();
    wait_until("the client is back", READY_BOUND, async || context.query_account().await.is_ok())
        .await;
}
