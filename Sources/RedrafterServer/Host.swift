#if Server
    import RedrafterPlatform

    /// A name or address with a port, as in the field `Host`.
    struct Host: Hashable {
        /// In small letters, without brackets and a dot at the end.
        var name: String
        var port: String?

        /// Names of this machine for itself.
        static let loopback = ["localhost", "127.0.0.1", "::1"]

        /// Nil where the text is no host.
        init?(_ text: String) {
            var name = text[...]
            var port: String?
            if name.first == "[" {
                guard let end = name.firstIndex(of: "]") else { return nil }
                let rest = name[name.index(after: end)...]
                name = name[name.index(after: name.startIndex)..<end]
                guard rest.isEmpty || rest.first == ":" else { return nil }
                if !rest.isEmpty { port = String(rest.dropFirst()) }
            } else if let colon = name.firstIndex(of: ":") {
                port = String(name[name.index(after: colon)...])
                name = name[..<colon]
            }
            let isNamed =
                !name.isEmpty
                && name.utf8.allSatisfy {
                    switch $0 {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                        UInt8(ascii: "_"), UInt8(ascii: ":"):
                        true
                    default: false
                    }
                }
            guard isNamed, port?.utf8.allSatisfy({ (0x30...0x39).contains($0) }) ?? true else { return nil }
            self.name = Self.canonical(String(name))
            self.port = port
        }

        static func canonical(_ name: String) -> String {
            let small = name.lowercased()
            return small.hasSuffix(".") ? String(small.dropLast()) : small
        }

        static func isLoopback(_ name: String) -> Bool {
            loopback.contains(canonical(name))
                || (name.hasPrefix("127.") && name.allSatisfy { $0.isNumber || $0 == "." })
        }

        /// Whether it is an address of the Internet protocol, no name.
        static func isAddress(_ name: String) -> Bool {
            var address = in6_addr()
            return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1
        }

        /// Whether it means all addresses of the machine.
        static func isAny(_ name: String) -> Bool { name == "0.0.0.0" || name == "::" }
    }

    /// Where a page comes from, as in the field `Origin`.
    struct Origin: Hashable {
        var host: Host

        /// Nil where the text is no origin of the web: `null` is none.
        init?(_ text: String) {
            for scheme in ["http://", "https://"] where text.hasPrefix(scheme) {
                guard let host = Host(String(text.dropFirst(scheme.count))) else { return nil }
                self.host = host
                return
            }
            return nil
        }
    }
#endif
