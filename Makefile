# The commands of the project; `make` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup build build-server serve install uninstall demo examples docs build-tests test test-kernels test-arm \
	test-torch test-peers test-server test-clients test-page check exactness lint format shaders validate-vulkan \
	bench bench-kernels bench-peer bench-quantised bench-serve fuzz soak clean

# Scripts take this one, too, and the clang beside it for the kernels alone; CLANG=/path/to/clang is another.
SWIFT ?= swift
PREFIX ?= /usr/local
# What `redrafter --version` says was built.
REDRAFTER_COMMIT ?= $(shell git describe --always --dirty --exclude='*' 2>/dev/null)
# Tests of the command take this binary where it is set; those of the server need one with the trait Server.
REDRAFTER ?=
BUILT := $(if $(REDRAFTER),setup,build)
SERVER_BUILT := $(if $(REDRAFTER),setup,build-server)
export REDRAFTER_COMMIT SWIFT
LINTED := Sources Plugins Tests Examples/Sources Package.swift

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 24

setup: ## install what is missing and fetch the default model
	@bash .ci/setup

build: setup ## build the command, release configuration
	@echo "== building (the first time takes a minute or two)"
	@bash .ci/build

install: ## install the command, manual pages and completions; PREFIX=/usr/local, DESTDIR for packages
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" bash .ci/install

uninstall: ## remove what `make install` has put into PREFIX
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" bash .ci/install --remove

demo: build ## answer a prompt with the default model, streaming; then compare the trained drafter with plain decoding
	@echo '== redrafter generate -p "Explain in three sentences why the sky is blue." -n 128'
	@.build/release/redrafter generate -p "Explain in three sentences why the sky is blue." -n 128
	@echo '== redrafter compare --drafters rnn,none'
	@.build/release/redrafter compare --drafters rnn,none

# A build folder of its own: with the server other packages are fetched and built, too.
serve: build-server ## build the command with its HTTP server, and start it: http://127.0.0.1:8080; ARGS="--parallel 8 -c 2048"
	@exec .build-server/release/redrafter serve $(ARGS)

examples: setup ## build the example programs, and run the one that adds a kind of drafter
	@bash .ci/examples

docs: ## build the documentation, warnings are errors
	@bash .ci/docs

build-tests: setup ## compile the tests alone; TRAITS=Server: those of the server, too
	@BUILD_ONLY=1 bash .ci/test

# In debug builds the C kernels are not optimised and the real model is very slow.
test: setup ## run all tests; FILTER=name: those whose names match, SERIAL=1: one after the other
	@$(if $(FILTER),,bash .ci/test-kernels)
	@SERIAL="$(SERIAL)" bash .ci/test $(if $(FILTER),--filter '$(FILTER)')

test-server: $(SERVER_BUILT) ## send the server what clients send and what they should not
	@bash .ci/test-server $(if $(FILTER),-k '$(FILTER)')

test-kernels: ## compare the bits of the CPU kernels that this processor runs
	@bash .ci/test-kernels

test-arm: ## the same for ARM under an emulator; installs QEMU and a cross compiler if missing: needs root and network
	@bash .ci/test-arm

test-torch: $(BUILT) ## the trainer in PyTorch against the Swift trainer; installs PyTorch for the tests: 250 MB to 2.7 GB, once
	@bash .ci/test-torch

test-peers: $(BUILT) ## compare with what other programs make of the same files; installs them for the tests, once
	@for part in .ci/test-peers-*; do bash "$$part" || exit 1; done

build-server: setup ## build the command with `redrafter serve`, into .build-server
	@echo "== building with the server (the first time takes two or three minutes)"
	@bash .ci/build --traits Server --scratch-path .build-server

test-clients: $(SERVER_BUILT) ## the server against ab, the package openai, mixed requests, damaged bodies; installs both once
	@bash .ci/test-clients
	python3 Tests/Server/soak.py --seconds 40
	python3 Tests/Server/fuzz.py --seconds 20

test-page: $(SERVER_BUILT) ## the server's page in headless Chromium; installs Playwright once
	@bash .ci/test-page

soak: build-server ## mixed requests at twice the server's capacity for an hour; ARGS="--seconds 600"
	python3 Tests/Server/soak.py --seconds 3600 $(ARGS)

# Tests that need a Vulkan device or the default model are skipped where they find none.
check: setup ## run the tests that need neither Vulkan nor the default model, for daily work
	@SERIAL="$(SERIAL)" VK_DRIVER_FILES=/dev/null VK_ICD_FILENAMES=/dev/null REDRAFTER_CACHE=/dev/null \
		bash .ci/test $(if $(FILTER),--filter '$(FILTER)')

exactness: setup ## compare every drafter with plain decoding on all of MT-Bench (an hour or more; says how far it is)
	REDRAFTER_EXACTNESS=full $(SWIFT) test -c release --scratch-path .build-tests --filter ExactnessTests

lint: ## check the format of all sources
	$(SWIFT) format lint --strict --recursive --parallel --configuration .swift-format $(LINTED)

format: ## put all sources into the project's format
	$(SWIFT) format --in-place --recursive --parallel --configuration .swift-format $(LINTED)

shaders: ## compile the Vulkan shaders; the result is committed
	bash Plugins/Backends/Vulkan/CVulkan/Shaders/compile.sh

validate-vulkan: setup ## run the Vulkan backend under the validation layers: core, synchronisation, GPU-assisted
	bash Plugins/Backends/Vulkan/validate.sh

bench: build ## measure this machine
	.build/release/redrafter bench --rows 1,2,4,8,12,16 --read

bench-kernels: ## cycles of the CPU kernels alone, by kernel set and weight type; ARGS="--sets avx2 --types q4_1"
	@bash Benchmarks/Scripts/bench-kernels.sh $(ARGS)

bench-peer: build ## build llama.cpp and measure both alternately on the same files; ARGS="--rounds 3 --baseline BINARY"
	python3 Benchmarks/Scripts/bench-peer.py $(ARGS)

bench-quantised: build ## the same with random weights in Q4_K_M, Q5_K_M, Q6_K, Q8_0 and mixed; ARGS="--types Q4_K_M,mixed"
	python3 Benchmarks/Scripts/bench-quantised.py $(ARGS)

bench-serve: build-server ## the server and llama.cpp's alternately, for 1 to 16 clients; ARGS="--rounds 1 --levels 1,8"
	python3 Benchmarks/Scripts/bench-serve.py $(ARGS)

fuzz: ## fuzz every parser for a minute each (libFuzzer)
	bash Tests/Fuzz/run.sh

clean: ## remove what builds leave behind
	rm -rf .build .build-docs .build-install .build-kernels .build-server .build-tests Examples/.build
