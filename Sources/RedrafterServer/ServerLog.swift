#if Server
    import Logging
    import RedrafterCore
    import RedrafterPlatform

    /// Lines on stderr: the level, the message, then `key=value`.
    struct ServerLog: LogHandler {
        var metadata: Logger.Metadata = [:]
        var logLevel: Logger.Level = .info
        var metadataProvider: Logger.MetadataProvider?

        static let levels = Logger.Level.allCases.map(\.rawValue)

        /// A logger of the server; a level that does not exist is `info`.
        static func logger(_ level: String) -> Logger {
            var logger = Logger(label: "redrafter.server") { _ in ServerLog() }
            logger.logLevel = Logger.Level(rawValue: level) ?? .info
            return logger
        }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            var line =
                "\(event.level.rawValue) \(TerminalText.escaped(event.message.description, limit: 1000))"
            let all = metadata.merging(event.metadata ?? [:]) { $1 }
            for (key, value) in all.sorted(by: { $0.key < $1.key }) {
                line += " \(key)=\(Self.shown("\(value)"))"
            }
            line += "\n"
            // What cannot be written is lost: a full disk must not end an answer.
            line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
        }

        /// In quotes where it has blanks.
        private static func shown(_ value: String) -> String {
            let escaped = TerminalText.escaped(value, limit: 100_000)
            guard escaped.isEmpty || escaped.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" }) else {
                return escaped
            }
            return "\"\(escaped.replacing("\"", with: "\\\""))\""
        }
    }
#endif
