//! A pod's output is kept, and it can be killed, terminated, frozen and waited for.

use std::path::Path;
use std::time::Duration;

use crate::harness::{Pod, READY_BOUND, wait_until};

fn shell(script: &str) -> Pod {
    Pod::start(Path::new("/bin/sh"), &["-c", script], &[("EARMARK_GREETING", "hello")])
}

#[tokio::test]
async fn output_and_exit_code_are_kept() {
    let mut pod = shell("echo $EARMARK_GREETING; echo trouble >&2; exit 3");
    assert_eq!(pod.wait(READY_BOUND).await, 3);
    assert_eq!(pod.output(), "hello\ntrouble\n");
}

#[tokio::test]
async fn terminate_waits_for_an_orderly_exit() {
    let mut pod = shell("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done");
    wait_until("the pod is up", READY_BOUND, async || pod.output().contains("up")).await;
    assert_eq!(pod.terminate(READY_BOUND).await, 0);
    assert!(pod.output().ends_with("bye\n"));
}

#[tokio::test]
async fn kill_leaves_no_time_for_anything() {
    let mut pod = shell("trap 'echo bye' TERM EXIT; echo up; while :; do sleep 0.01; done");
    wait_until("the pod is up", READY_BOUND, async || pod.output().contains("up")).await;
    pod.kill();
    assert!(!pod.is_running());
    assert_eq!(pod.wait(READY_BOUND).await, 128 + 9);
    assert!(!pod.output().contains("bye"));
}

#[tokio::test]
async fn a_frozen_pod_writes_nothing_more_until_it_is_thawed() {
    let pod = shell("i=0; while :; do i=$((i+1)); echo $i; done");
    wait_until("the pod writes", READY_BOUND, async || !pod.output().is_empty()).await;
    pod.freeze();
    let before = pod.output();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(pod.output(), before);
    pod.thaw();
    wait_until("the pod writes again", READY_BOUND, async || pod.output() != before).await;
}

#[tokio::test]
#[should_panic(expected = "waited 20ms in vain: the moon")]
async fn waiting_ends_at_its_bound_with_what_was_waited_for() {
    wait_until("the moon", Duration::from_millis(20), async || false).await;
}
