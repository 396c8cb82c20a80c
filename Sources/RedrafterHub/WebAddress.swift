/// An address of http or https, as far as the hub needs it. Only what every reader of addresses understands alike is accepted:
/// no user before the host, no blanks, no backslashes.
struct WebAddress: Sendable, Hashable, CustomStringConvertible {
    /// `https` or `http`.
    let scheme: String
    /// In small letters; in brackets for IPv6.
    let host: String
    let port: Int
    /// From the slash after the host on, with the query, without a fragment.
    let target: String

    init?(_ text: String) {
        let lowercased = text.prefix(8).lowercased()
        let scheme =
            lowercased.hasPrefix("https://") ? "https" : lowercased.hasPrefix("http://") ? "http" : nil
        guard let scheme, text.utf8.count <= 16_384, text.utf8.allSatisfy(Self.isPlain) else { return nil }
        let rest = text.dropFirst(scheme.count + 3)
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        guard let (host, port) = Self.authority(rest[..<end]) else { return nil }
        let path = rest[end...].prefix { $0 != "#" }
        self.scheme = scheme
        self.host = host
        self.port = port ?? (scheme == "https" ? 443 : 80)
        target = path.hasPrefix("/") ? String(path) : "/" + path
    }

    private init(scheme: String, host: String, port: Int, target: String) {
        self.scheme = scheme
        self.host = host
        self.port = port
        self.target = target
    }

    /// The address that a header `Location` of this one's response means.
    func following(_ location: String) -> WebAddress? {
        if location.contains("://") { return WebAddress(location) }
        guard location.utf8.count <= 16_384, location.utf8.allSatisfy(Self.isPlain) else { return nil }
        if location.hasPrefix("//") { return WebAddress("\(scheme):\(location)") }
        let target: String
        if location.hasPrefix("/") {
            target = location
        } else {
            let path = self.target.prefix { $0 != "?" }
            target = path[...(path.lastIndex(of: "/") ?? path.startIndex)] + location
        }
        return WebAddress(scheme: scheme, host: host, port: port, target: String(target.prefix { $0 != "#" }))
    }

    /// This address with parts of a path behind it, each of them escaped.
    func appending(path parts: [String], query: String = "") -> WebAddress {
        let base = target.hasSuffix("/") ? String(target.dropLast()) : target
        let path = parts.map { "/" + Self.escaped($0) }.joined()
        return WebAddress(
            scheme: scheme, host: host, port: port, target: base + path + (query.isEmpty ? "" : "?" + query))
    }

    /// The whole address, as it is asked for.
    var text: String { "\(scheme)://\(authority)\(target)" }

    /// For people. Without what stands behind a question mark: after a redirect that can be a signature, which opens the file to whoever reads it.
    var description: String { "\(scheme)://\(authority)\(target.prefix { $0 != "?" })" }

    /// The host, with the port where it is not the usual one.
    var authority: String { port == (scheme == "https" ? 443 : 80) ? host : "\(host):\(port)" }

    /// What gets a token for one address gets it for another only where all three are the same.
    func hasOrigin(of other: WebAddress) -> Bool {
        scheme == other.scheme && host == other.host && port == other.port
    }

    /// The machine itself: what is sent there stays there.
    var isLoopback: Bool {
        if host == "localhost" || host == "[::1]" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "\\")
    }

    private static func authority(_ text: Substring) -> (host: String, port: Int?)? {
        let isLiteral = text.hasPrefix("[")
        let hostEnd =
            isLiteral
            ? text.firstIndex(of: "]").map { text.index(after: $0) }
            : text.firstIndex(of: ":") ?? text.endIndex
        guard let hostEnd else { return nil }
        let host = text[..<hostEnd]
        let inner = isLiteral ? host.dropFirst().dropLast() : host
        let allowed = inner.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"):
                true
            case UInt8(ascii: ":"): isLiteral
            default: false
            }
        }
        guard !inner.isEmpty, inner.utf8.count <= 253, allowed else { return nil }
        guard hostEnd < text.endIndex else { return (host.lowercased(), nil) }
        let digits = text[text.index(after: hostEnd)...]
        guard text[hostEnd] == ":", digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = Int(digits), (1...65_535).contains(port)
        else { return nil }
        return (host.lowercased(), port)
    }

    /// A text as a part of a path, or as a value of a query.
    static func escaped(_ text: String) -> String {
        var bytes = [UInt8]()
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
