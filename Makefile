# What a developer and the checks run. `make` alone lists the targets.
.DEFAULT_GOAL := help
.PHONY: help servers format lint test journeys contracts counts real-orders proof soak sample mutants bench failover peak fuzz deploy-check

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

servers: ## put what the tests start (nats-server, redis-server, valgrind) where they find it
	@tests/servers/install.sh

format: ## check formatting
	cargo fmt --check

lint: format ## check formatting and lints; a warning is an error
	cargo clippy --locked --all-targets -- -D warnings

test: servers ## run every test, against real servers where it takes them
	@tests/run.sh

journeys: ## two million random journeys of orders; EARMARK_JOURNEYS=200..400 for others
	cargo test --locked --test journeys -- --nocapture

contracts: ## write the generated documents of config/contracts anew
	cargo run --locked --quiet -- contracts write config/contracts

counts: servers ## count the instructions of the inner steps anew, and write them down
	EARMARK_COUNTS=write cargo test --locked --test instructions

real-orders: servers ## real orders on real servers that are killed on the way; REAL_ORDERS_SEED=n for others
	cargo test --locked --test real_orders -- --nocapture --test-threads 1

proof: servers ## every fault on a cluster under load, alone and two at a time (root); EARMARK_CYCLES=n
	@tests/servers/install.sh faults
	EARMARK_FAULTS=$${EARMARK_FAULTS:-all} EARMARK_CYCLES=$${EARMARK_CYCLES:-90} cargo test --locked --test real_orders whatever_befalls -- --nocapture

soak: servers ## hours of the same load, with plots in target/soak.html: all lines must be level; HOURS=n (2)
	cargo build --locked --release
	target/release/earmark load config/load/soak.toml --servers target/servers --for $$(( $${HOURS:-2} * 3600 )) --report target/soak.html

mutants: servers ## whether the simulator and a load test find the bugs that are put in on purpose
	cargo test --locked --features mutants --test simulation mutants:: -- --nocapture --test-threads 1
	cargo test --locked --features mutants --test mutants -- --test-threads 2

fuzz: ## hostile input guided by coverage (a nightly compiler and cargo-fuzz); FUZZ_S=60 seconds each
	@tests/fuzz/run.sh

failover: servers ## how long a decision is waited for while pods change
	cargo bench --locked --bench failover

peak: servers ## what must not wait at a peak, with a table and plots in target/peak
	cargo bench --locked --bench peak

sample: servers ## start both servers, run Earmark on the sample orders, and say what came of them
	@tests/real_orders/sample.sh

bench: servers ## compare Earmark with what the log allows and with what a team would write instead
	@tests/servers/install.sh bench
	cargo bench --locked --bench pipeline

deploy-check: servers ## check deploy/: manifests, compose, image, and who may do what on NATS
	@# The binary as it was built last, which is what `make test` leaves; EARMARK=PATH for another.
	@test -x "$${EARMARK:-target/debug/earmark}" || cargo build --locked
	@deploy/check/run.sh
