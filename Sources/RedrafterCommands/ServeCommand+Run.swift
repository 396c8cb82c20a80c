#if Server
    import ArgumentParser
    import Redrafter
    import RedrafterCore
    import RedrafterPlatform
    import RedrafterServer
    import RedrafterServing

    extension ServeCommand {
        func serve() throws {
            let options = try serverOptions()
            let engineOptions = try texts.engineOptions()
            let template = try chatTemplate.options()
            let server: TextServer
            do { server = try TextServer(options) } catch { throw CommandFailure(error) }
            try modelArguments.checkFiles(engineOptions)
            if options.servesEverybody {
                Terminal.warn(
                    "\(options.host) can be reached from other machines, and there is no key (--insecure)")
            }
            Interrupt.install()
            let plugins = Plugins.current
            do {
                try waiting {
                    try await server.run(
                        load: {
                            try Plugins.$current.withValue(plugins) {
                                let model = try modelArguments.load(
                                    contextLength: texts.contextSize, chatTemplate: template)
                                return try Engine(model, engineOptions)
                            }
                        },
                        isStopped: { Interrupt.flag.isCancelled },
                        onListening: {
                            Terminal.say(
                                "listening on \(Self.address(options.host, $0)), loading the model")
                        },
                        onReady: { Self.report($0) })
                }
            } catch {
                if let error = error as? ServerError { throw CommandFailure(error) }
                throw error
            }
        }

        private static func address(_ host: String, _ port: Int) -> String {
            "http://\(host.contains(":") ? "[\(host)]" : host):\(port)"
        }

        private static func report(_ engine: Engine) {
            for warning in engine.warnings { Terminal.warn(warning) }
            let planned = engine.plannedBytes
            let megabytes = { (bytes: Int) in (bytes + 500_000) / 1_000_000 }
            Terminal.say(
                "serving \(engine.options.slots) texts of \(engine.model.contextLength) tokens: "
                    + "\(megabytes(planned.cache)) MB of keys and values, \(megabytes(planned.activations)) MB of activations; "
                    + "drafters: \(engine.drafters.joined(separator: ", "))")
        }

        private func serverOptions() throws -> ServerOptions {
            var options = ServerOptions()
            options.host = network.host
            options.port = network.port
            options.alias = network.alias
            options.keys = try network.keys()
            options.isInsecure = network.isInsecure
            options.allowedHosts = network.allowedHosts
            options.corsOrigin = network.cors
            options.logLevel = network.logLevel
            options.logsPrompts = network.logsPrompts
            options.grace = try limits.seconds("grace", limits.grace)
            options.limits.headerTime = try limits.seconds("timeout-headers", limits.headerTimeout)
            options.limits.bodyTime = try limits.seconds("timeout-body", limits.bodyTimeout)
            options.limits.idleTime = try limits.seconds("timeout-idle", limits.idleTimeout)
            options.limits.stallTime = try limits.seconds("timeout-write", limits.writeTimeout)
            options.limits.bodyBytes = limits.bodyBytes
            options.limits.connections = limits.connections
            return options
        }
    }

    extension ModelArguments {
        /// Says what is wrong with files and names before the server listens. A model of the hub may have to be fetched; that is
        /// done while it listens.
        fileprivate func checkFiles(_ engineOptions: EngineOptions) throws {
            guard !isOfHub else { return }
            let options = withPlugins(ModelOptions(threads: threads, backend: backend))
            let target = try Model.draftTarget(path: try path(), options: options)
            for name in engineOptions.drafters where name != "auto" {
                do {
                    _ = try options.registry.makeDrafter(
                        named: name, for: target, options: engineOptions.drafterOptions,
                        paths: engineOptions.drafterPaths)
                } catch {
                    throw RedrafterError.drafter(error)
                }
            }
        }
    }

    extension ServeNetworkArguments {
        /// The keys of the file, else that of the environment.
        fileprivate func keys() throws -> [String] {
            guard let keyFile else { return Environment.variable("REDRAFTER_API_KEY").map { [$0] } ?? [] }
            let keys = try PromptSource.read(prompt: nil, file: keyFile).split(whereSeparator: \.isNewline)
                .map(Self.trimmed).filter { !$0.isEmpty }
            guard !keys.isEmpty else {
                throw CommandFailure(
                    .usage, "\(keyFile) holds no key", hint: "write a key into it, one a line")
            }
            return keys
        }

        private static func trimmed(_ line: Substring) -> String {
            var line = line.drop { $0.isWhitespace }
            while line.last?.isWhitespace ?? false { line.removeLast() }
            return String(line)
        }
    }

    extension ServeLimitArguments {
        fileprivate func seconds(_ name: String, _ value: Double) throws -> Duration {
            guard value >= 0, value <= 86_400 else {
                throw CommandFailure(.usage, "\(name) is \(value); allowed: 0 to 86400 seconds")
            }
            return .seconds(value)
        }
    }

    extension ServeTextArguments {
        fileprivate func engineOptions() throws -> EngineOptions {
            var options = EngineOptions(slots: parallel)
            options.queueLimit = queue
            options.promptRows = promptRows
            if !drafters.isEmpty { options.drafters = drafters }
            var speculation = SpeculationOptions()
            try speculation.addDrafterFiles(drafterModels)
            options.drafterOptions = speculation.drafterOptions
            options.drafterPaths = speculation.drafterPaths
            // Before a model is loaded: a wrong flag is said at once.
            try options.validate()
            return options
        }
    }

    extension CommandFailure {
        fileprivate init(_ error: ServerError) {
            let status: ExitStatus =
                switch error {
                case .option, .needsKey: .usage
                case .portInUse, .cannotBind: .unavailable
                }
            self.init(status, error.description, hint: error.hint)
        }
    }
#endif
