#if Server
    import CServerPage

    /// The page at `/`, and what a browser may do with it: run the script and the style that are in it, and ask this server.
    struct Page: Sendable {
        let bytes: [UInt8]
        /// The field `Content-Security-Policy`, which the page's first line holds. Without one nothing may run.
        let policy: String

        static let shipped: Page = {
            let page = rd_server_page()
            return Page([UInt8](UnsafeRawBufferPointer(start: page.bytes, count: page.count)))
        }()

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
            let firstLine = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
            policy =
                firstLine.hasPrefix(Self.start) && firstLine.hasSuffix(Self.end)
                ? String(firstLine.dropFirst(Self.start.count).dropLast(Self.end.count))
                : "default-src 'none'"
        }

        private static let start = "<!-- Content-Security-Policy: "
        private static let end = " -->"
    }
#endif
