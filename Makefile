# `make` alone prints the targets.
GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo 0.1.0)
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
LDFLAGS  = -s -w -X voiptop/protocol.Version=$(VERSION) -X voiptop/protocol.Commit=$(COMMIT)
PGO      = fixtures/bench/cpu.pgo
ARCHS   ?= amd64 arm64 arm 386
NFPM    ?= $(GO) run github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
# a tag v1.2.3 is version 1.2.3; what comes after it, or before the first, sorts before the next
PACKAGE_VERSION = $(shell v=$$(git describe --tags --match 'v*' --abbrev=7 2>/dev/null | sed 's/^v//; s/-\([0-9]*\)-g/+\1.g/'); echo $${v:-0.1.0~$$(git rev-list --count HEAD).g$$(git rev-parse --short=7 HEAD)})
BUILD    = CGO_ENABLED=0 $(GO) build -trimpath -pgo=$(PGO) -ldflags '$(LDFLAGS)'

.PHONY: always help build programs packages gui engine demo test check audit bench bench-live soak golden fuzz clean tools

help:   ## print the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: gui programs ## build the GUI and the four programs into bin/

programs:
	$(BUILD) -o bin/ ./sensord ./hosted ./tui/voiptop ./tui/voipmon

gui: hosted/web/dist/index.html

# The analysis engine for the browser, and Go's runtime for it. Go knows whether it has to be built again; the GUI is only if it has changed.
ENGINE = hosted/web/engine
engine: $(ENGINE)/engine.wasm

$(ENGINE)/engine.wasm: always
	@mkdir -p $(ENGINE)
	GOOS=js GOARCH=wasm CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '-s -w' -o $(ENGINE)/built.wasm ./tui/wasm
	@cmp -s "$$($(GO) env GOROOT)/lib/wasm/wasm_exec.js" $(ENGINE)/wasm_exec.js || cp "$$($(GO) env GOROOT)/lib/wasm/wasm_exec.js" $(ENGINE)/
	@cp "$$($(GO) env GOROOT)/LICENSE" $(ENGINE)/LICENSE 2>/dev/null || true # where Go's package leaves it out, the system has it
	@cmp -s $(ENGINE)/built.wasm $@ || cp $(ENGINE)/built.wasm $@

hosted/web/dist/index.html: $(ENGINE)/engine.wasm hosted/web/node_modules/.package-lock.json $(shell find hosted/web/src hosted/web/index.html hosted/web/vite.config.ts -type f 2>/dev/null)
	cd hosted/web && npm run build

hosted/web/node_modules/.package-lock.json: hosted/web/package-lock.json
	cd hosted/web && npm ci --no-fund --no-audit

tools:
	@.ci/install

packages: gui ## deb and rpm of sensord, hosted and the tools in bin/packages; ARCHS="amd64 arm64"
	@rm -rf bin/packages && mkdir -p bin/packages
	@set -e; for a in $(ARCHS); do \
	  p=bin/linux-$$a; mkdir -p $$p/completion; \
	  GOOS=linux GOARCH=$$a $(BUILD) -o $$p/ ./sensord ./hosted ./tui/voiptop ./tui/voipmon; \
	  for s in bash zsh fish; do $(GO) run ./tui/voipmon completion $$s >$$p/completion/$$s; done; \
	  for c in sensord hosted tui; do for f in deb rpm; do \
	    VERSION=$(PACKAGE_VERSION) ARCH=$$(echo $$a | sed s/^arm$$/arm7/) PROGRAMS=$$p $(NFPM) package -f $$c/package/nfpm.yaml -p $$f -t bin/packages/; \
	  done; done; done

demo: ## hosted, a sensor replaying real calls, and voiptop; DEMO_SECONDS=20 without a terminal
	@.ci/install node
	@$(MAKE) --no-print-directory build
	@$(GO) run ./fixtures/demo

test: tools build ## everything: Go, GUI and end-to-end tests
	$(GO) vet ./...
	$(GO) test -timeout 25m ./...
	cd hosted/web && npm test

check: ## fast: format, vet, lint, race detector on the units
	@test -z "$$($(GO) tool gofumpt -l . | tee /dev/stderr)"
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) tool go-errorlint ./...
	$(GO) tool sloglint ./...
	$(GO) test -race -short ./protocol/... ./rules/... ./sensord/...

audit: ## ask the vulnerability databases of Go and npm about all that is used; needs the internet
	$(GO) run golang.org/x/vuln/cmd/govulncheck@v1.1.4 ./...
	cd hosted/web && npm audit

golden: ## write the wanted output of the fixtures and screens anew; look at the difference
	$(GO) test ./fixtures/... ./tui/... -update

fuzz: ## fuzz every parser for FUZZTIME (20s) each
	@for p in $$(grep -rl '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -ho '^func Fuzz[A-Za-z0-9]*' $$p/*_test.go | cut -c6-); do \
	    echo "$$p $$f"; $(GO) test $$p -run XXX -fuzz "^$$f\$$" -fuzztime $${FUZZTIME:-20s} || exit 1; done; done

bench: ## CPU, memory and wall time of voipmon analyze, as ratios to a floor in the same run; BENCH="-long"
	$(BUILD) -o bin/ ./tui/voipmon
	$(GO) build -o bin/bench ./fixtures/bench
	@bin/bench $(BENCH)

pgo: ## measure anew what the engine does most, for the compiler: a minute; docs/performance.md
	@d=$$(mktemp -d) && trap 'rm -rf '$$d EXIT && for w in medium sip; do \
	  $(GO) test ./sensord/analyze -run XXX -bench "Run/$$w" -benchtime 12x -cpuprofile $$d/$$w.prof -o $$d/test || exit 1; done; \
	$(GO) tool pprof -proto $$d/medium.prof $$d/sip.prof >$(PGO)

bench-live: ## as root: a live sensor at 200,000 and 300,000 packets/s in a network namespace; BENCH="-rates 500000"
	$(BUILD) -o bin/ ./sensord
	$(GO) build -o bin/livebench ./fixtures/livebench
	@bin/livebench $(BENCH)

soak: ## as root: 2,000 calls at real speed, recorded by rules, every capture compared; BENCH="-talk 30s"
	$(BUILD) -o bin/ ./sensord
	$(GO) build -o bin/livebench ./fixtures/livebench
	@bin/livebench -rates 200000 -soak tenth,tail $(BENCH)

clean: ## remove what was built
	rm -rf bin $(ENGINE) hosted/web/dist/assets hosted/web/dist/index.html hosted/web/node_modules
