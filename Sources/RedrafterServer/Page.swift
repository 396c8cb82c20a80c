#if Server
    import CServerPage
    import RedrafterFormats

    /// The page at `/`, and what a browser may do with it: run the script and the style that are in it, and ask this server.
    struct Page: Sendable {
        let bytes: [UInt8]
        /// The field `Content-Security-Policy`.
        let policy: String

        static let shipped: Page = {
            let page = rd_server_page()
            return Page([UInt8](UnsafeRawBufferPointer(start: page.bytes, count: page.count)))
        }()

        init(_ bytes: [UInt8]) {
            self.bytes = bytes
            let text = String(decoding: bytes, as: UTF8.self)
            let scripts = Self.hashes(of: "script", in: text)
            let styles = Self.hashes(of: "style", in: text)
            policy = """
                default-src 'none'; script-src \(scripts); style-src \(styles); connect-src 'self'; img-src data:; \
                base-uri 'none'; form-action 'none'; frame-ancestors 'none'
                """
        }

        /// What the elements of a name hold, as hashes: nothing else runs, whatever gets into the page.
        private static func hashes(of element: String, in text: String) -> String {
            var hashes = [String]()
            var rest = text[...]
            while let start = rest.firstRange(of: "<\(element)>") {
                rest = rest[start.upperBound...]
                guard let end = rest.firstRange(of: "</\(element)>") else { break }
                hashes.append("'sha256-\(base64(sha256(rest[..<end.lowerBound])))'")
                rest = rest[end.upperBound...]
            }
            return hashes.isEmpty ? "'none'" : hashes.joined(separator: " ")
        }

        private static func sha256(_ text: Substring) -> [UInt8] {
            var hash = SHA256()
            Array(text.utf8).withUnsafeBytes { hash.add($0) }
            let digits = Array(hash.finish().utf8)
            return stride(from: 0, to: digits.count, by: 2).map { index in
                UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16) ?? 0
            }
        }

        private static func base64(_ bytes: [UInt8]) -> String {
            let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
            var text = ""
            for start in stride(from: 0, to: bytes.count, by: 3) {
                let group = bytes[start..<min(start + 3, bytes.count)]
                var bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
                var characters = [Character]()
                for _ in 0..<4 {
                    characters.append(alphabet[bits & 63])
                    bits >>= 6
                }
                text += String(characters.reversed().prefix(group.count + 1))
                text += String(repeating: "=", count: 3 - group.count)
            }
            return text
        }
    }
#endif
