import RedrafterCore
import RedrafterFormats

/// Why a model could not be had from the hub or its cache.
///
/// `description` is one line without control characters: what a server or a name said is escaped and cut.
public enum HubError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Text that names no model of the hub.
    case invalidReference(text: String, reason: String)
    /// The value of a variable or an option that cannot be used.
    case invalidSetting(name: String, got: String, expected: String)
    /// The network may not be used, and the cache lacks what is asked for.
    case notCached(model: String, directory: String, reason: String)
    /// The library for requests cannot be opened.
    case noClient(reason: String)
    /// No connection to a host.
    case unreachable(host: String, reason: String)
    /// The certificate of a host is none to trust.
    case untrusted(host: String, reason: String)
    /// The hub wants to know who asks: the repository is private, or there is none of this name.
    case unauthorized(model: String, hasToken: Bool)
    /// The owners let only those in who accepted their conditions.
    case gated(model: String, page: String, hasToken: Bool)
    /// There is no such repository, revision or file.
    case notFound(what: String, host: String)
    /// The hub is overloaded or out of order, also after several attempts.
    case unavailable(host: String, status: Int, secondsToWait: Int?)
    /// A connection broke again and again.
    case interrupted(host: String, reason: String)
    /// A response that does not keep to the rules of the hub.
    case badResponse(address: String, what: String, expected: String, got: String)
    /// The content is not what the hub announced.
    case altered(file: String, expected: String, got: String)
    /// Nothing in the repository is what was asked for; `available` names what is.
    case noChoice(model: String, asked: String, available: [String])
    /// The name of a file that would lead out of its place.
    case unsafeName(name: String, reason: String)
    /// The disk has less room than the files need.
    case noSpace(directory: String, needed: Int, available: Int)
    /// A file of the cache cannot be read or written.
    case file(FormatError)
    /// `HubObserver.isCancelled` said so. What was fetched stays, and the next attempt goes on from there.
    case cancelled

    /// One sentence.
    public var description: String {
        switch self {
        case .invalidReference(let text, let reason):
            "\"\(safe(text))\" names no model of the hub: \(safe(reason))"
        case .invalidSetting(let name, let got, let expected):
            "\(name) is \"\(safe(got))\", expected \(expected)"
        case .notCached(let model, let directory, let reason):
            "\(safe(model)) is not in the cache \(safe(directory)), and \(safe(reason))"
        case .noClient(let reason): "models cannot be fetched without libcurl: \(safe(reason))"
        case .unreachable(let host, let reason): "no connection to \(safe(host)): \(safe(reason))"
        case .untrusted(let host, let reason): "\(safe(host)) cannot be trusted: \(safe(reason))"
        case .unauthorized(let model, let hasToken):
            "there is no model \(safe(model)) on the hub, or it is private"
                + (hasToken ? " and the token does not open it" : "")
        case .gated(let model, _, let hasToken):
            "\(safe(model)) is given only to those who accepted the conditions of its owners"
                + (hasToken ? "; the token in use is not one of theirs" : "")
        case .notFound(let what, let host): "\(safe(host)) has no \(safe(what))"
        case .unavailable(let host, let status, let seconds):
            "\(safe(host)) answers \(status)"
                + (status == 429 ? ", too many requests" : "")
                + (seconds.map { "; it asks to wait \($0) s" } ?? "")
        case .interrupted(let host, let reason):
            "the connection to \(safe(host)) broke again and again: \(safe(reason))"
        case .badResponse(let address, let what, let expected, let got):
            "\(safe(address)): \(safe(what)) is \(safe(got)), expected \(safe(expected))"
        case .altered(let file, let expected, let got):
            "\(safe(file)): what was fetched has the hash \(safe(got)), the hub announced \(safe(expected))"
        case .noChoice(let model, let asked, let available):
            "\(safe(model)) has no \(safe(asked))"
                + (available.isEmpty ? "" : "; it has " + Self.list(available.map(safe)))
        case .unsafeName(let name, let reason):
            "\"\(safe(name))\" cannot be a file of the cache: \(safe(reason))"
        case .noSpace(let directory, let needed, let available):
            "\(safe(directory)): needs \(needed) bytes of disk space, \(available) are free"
        case .file(let error): error.description
        case .cancelled: "cancelled"
        }
    }

    /// What may help, where something does.
    public var hint: String? {
        switch self {
        case .invalidReference:
            "models are named ORG/NAME, ORG/NAME:Q4_K_M or ORG/NAME/FILE.gguf, with @REVISION behind where it matters"
        case .notCached: "fetch it once where there is a network, with 'redrafter pull'"
        case .noClient: "install libcurl (libcurl4 in Debian), or fetch the file by other means and name it"
        case .unreachable:
            "check the network and HF_ENDPOINT; what is in the cache is used with HF_HUB_OFFLINE=1"
        case .untrusted:
            "where a proxy of your network has a certificate of its own, name the file with it in SSL_CERT_FILE"
        case .unauthorized(_, let hasToken):
            hasToken
                ? "check the name, and that the token in HF_TOKEN belongs to a user who may read it"
                : "check the name; for a private model set HF_TOKEN to a token from huggingface.co/settings/tokens"
        case .gated(_, let page, let hasToken):
            hasToken
                ? "accept the conditions at \(safe(page)) with the account of the token, which must be allowed to read gated models"
                : "accept the conditions at \(safe(page)), and set HF_TOKEN to a token from huggingface.co/settings/tokens"
        case .notFound: "check the spelling; what is private is found only with a token in HF_TOKEN"
        case .unavailable(_, 429, _): "try again later; with a token in HF_TOKEN the hub allows more requests"
        case .unavailable, .interrupted: "try again later; what was fetched is kept"
        case .altered:
            "try again; if it happens twice, a proxy between here and the hub changes what it passes on"
        case .noSpace: "free some space, or set HF_HOME to a folder on a larger disk"
        default: nil
        }
    }

    private static func list(_ names: [String]) -> String {
        let shown = names.prefix(12)
        return shown.joined(separator: ", ")
            + (names.count > shown.count ? " and \(names.count - shown.count) more" : "")
    }

    private func safe(_ text: String) -> String { TerminalText.escaped(text, limit: 300) }
}
