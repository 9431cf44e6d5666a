# Every target runs on a fresh clone with Go, make and bash.

export GOWORK = off

# The directories of this repository's modules.
MODULES := $(sort $(patsubst ./%/,%,$(dir $(shell find . -name go.mod -not -path '*/testdata/*' -not -path '*/.*/*'))))

# The race detector needs a C compiler.
RACE := $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)
TESTFLAGS ?=
FUZZTIME ?= 10s
BENCHFLAGS ?=

.PHONY: help
help:
	@echo "make demo      generate, build, serve and call the example"
	@echo "make test      run all tests, of every module"
	@echo "make suites    let other people's suites and clients judge us; see conformance/README.md"
	@echo "make check     everything that a change must pass"
	@echo "make generate  write the generated code of the services, the examples and of bench anew"
	@echo "make fuzz      run each fuzz target for FUZZTIME, $(FUZZTIME)"
	@echo "make bench     compare with other libraries; BENCHFLAGS=-help tells more"

.PHONY: demo
demo:
	@examples/weather/demo.sh

.PHONY: test
test: conformance/gen
	@$(if $(RACE),,echo "There is no C compiler, so the tests run without the race detector.";) \
	failed=0; \
	for module in $(MODULES); do \
		(cd $$module && go test $(RACE) $(TESTFLAGS) ./...) || failed=1; \
	done; \
	exit $$failed

# The code of the suites' services, which is not committed.
conformance/gen: conformance/versions conformance/generate.sh
	@conformance/generate.sh
	@touch $@

.PHONY: suites
suites:
	conformance/run.sh
	conformance/interop.sh
	conformance/clients/run.sh

.PHONY: check
check:
	@.ci/run

.PHONY: generate
generate:
	go build -o bin/protoc-gen-micro ./cmd/protoc-gen-micro
	bin/protoc-gen-micro generate -I examples/weather/proto -I services/proto -o . \
		--opt module=github.com/protomicro/micro examples/weather/proto services/proto
	@if command -v protoc >/dev/null; then \
		echo bench/generate.sh; bench/generate.sh; \
	else \
		echo "There is no protoc, which other generators need: bench/benchv1 stays as it is."; \
	fi

.PHONY: fuzz
fuzz:
	@set -e; \
	for dir in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do \
		for target in $$(cat $$dir/*_test.go | sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p'); do \
			echo "$$dir $$target"; \
			(cd $$dir && go test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) .); \
		done; \
	done

.PHONY: bench
bench:
	go -C bench run . $(BENCHFLAGS)
