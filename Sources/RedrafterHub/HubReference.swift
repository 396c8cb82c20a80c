/// What a user calls a model of the hub: `ORG/NAME`, `ORG/NAME:QUANT` or `ORG/NAME/FILE`, each with `@REVISION` behind it or not.
public struct HubReference: Sendable, Hashable, CustomStringConvertible {
    /// Which of a repository's models is meant.
    public enum Selection: Sendable, Hashable {
        /// The one that suits most.
        case any
        /// The GGUF file of a quantisation, such as `Q4_K_M`.
        case quantization(String)
        /// A file by its path in the repository.
        case file(String)
    }

    /// `ORG/NAME`; some old models have no `ORG/`.
    public var repository: String
    public var selection: Selection
    /// A branch, a tag or a commit.
    public var revision: String

    /// The branch that a name without a revision means.
    public static let defaultRevision = "main"
    /// What stands before the name where a path could be meant.
    public static let prefix = "hf:"

    /// Reads a name with `hf:` before it or without.
    /// - Throws: `HubError.invalidReference`.
    public init(_ text: String) throws(HubError) {
        func invalid(_ reason: String) -> HubError { .invalidReference(text: text, reason: reason) }
        var rest = text.hasPrefix(Self.prefix) ? text.dropFirst(Self.prefix.count) : text[...]
        // What a browser shows of a model.
        for start in ["https://huggingface.co/", "huggingface.co/"] where rest.hasPrefix(start) {
            rest = rest.dropFirst(start.count)
            if rest.last == "/" { rest = rest.dropLast() }
        }
        guard rest.utf8.count <= 1024 else { throw invalid("it is longer than 1024 bytes") }
        var revision = Self.defaultRevision
        if let at = rest.firstIndex(of: "@") {
            revision = String(rest[rest.index(after: at)...])
            rest = rest[..<at]
        }
        try self.init(rest, revision: revision, invalid)
    }

    private init(
        _ text: Substring, revision: String, _ invalid: (String) -> HubError
    ) throws(HubError) {
        var name = text
        var selection = Selection.any
        if let colon = text.firstIndex(of: ":") {
            let quantization = text[text.index(after: colon)...]
            guard !quantization.isEmpty, quantization.utf8.allSatisfy(Self.isNameByte) else {
                throw invalid("a quantisation such as Q4_K_M is expected after the colon")
            }
            selection = .quantization(String(quantization))
            name = text[..<colon]
        }
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.prefix(2).allSatisfy(Self.isName) else {
            throw invalid("a name has letters, digits, '-', '_' and '.', at most 96 of them")
        }
        if parts.count > 2 {
            guard selection == .any else { throw invalid("name a file or a quantisation, not both") }
            let file = parts.dropFirst(2).joined(separator: "/")
            do throws(HubError) { try HubPath.check(file) } catch {
                throw invalid("a path of a file is expected after the name")
            }
            selection = .file(file)
        }
        do throws(HubError) { try HubPath.check(revision) } catch {
            throw invalid("a branch, a tag or a commit is expected after @")
        }
        self.repository = parts.prefix(2).joined(separator: "/")
        self.selection = selection
        self.revision = revision
    }

    /// As it is typed, without `hf:`.
    public var description: String {
        let selected =
            switch selection {
            case .any: ""
            case .quantization(let name): ":\(name)"
            case .file(let path): "/\(path)"
            }
        return repository + selected + (revision == Self.defaultRevision ? "" : "@\(revision)")
    }

    /// The hub's rule for the two parts of a name.
    private static func isName(_ name: Substring) -> Bool {
        guard let first = name.utf8.first, let last = name.utf8.last else { return false }
        let edges = [UInt8(ascii: "-"), UInt8(ascii: ".")]
        return name.utf8.count <= 96 && name.utf8.allSatisfy(isNameByte) && !edges.contains(first)
            && !edges.contains(last) && !name.contains("--") && !name.contains("..")
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }
}

/// Paths of files inside a repository, and names of revisions: they become paths of the cache and parts of addresses.
enum HubPath {
    /// Checks that a path stays in the folder that it is put into.
    /// - Throws: `HubError.unsafeName`.
    static func check(_ path: String) throws(HubError) {
        func unsafe(_ reason: String) -> HubError { .unsafeName(name: path, reason: reason) }
        guard !path.isEmpty, path.utf8.count <= 1024 else {
            throw unsafe("it is empty or longer than 1024 bytes")
        }
        guard path.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F && $0 != "\\" }) else {
            throw unsafe("it holds a control character or a backslash")
        }
        for part in path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard !part.isEmpty else { throw unsafe("a part of it is empty") }
            guard part.count <= 255 else { throw unsafe("a part of it is longer than 255 bytes") }
            guard !part.elementsEqual(".".utf8), !part.elementsEqual("..".utf8) else {
                throw unsafe("it leads out of its folder")
            }
        }
    }

    /// A commit of git: 40 hexadecimal digits in small letters.
    static func isCommit(_ text: String) -> Bool { text.utf8.count == 40 && isHexadecimal(text) }

    /// What names a blob: the hash of git, or SHA-256 for large files.
    static func isBlobName(_ text: String) -> Bool {
        (text.utf8.count == 40 || text.utf8.count == 64) && isHexadecimal(text)
    }

    private static func isHexadecimal(_ text: String) -> Bool {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
