import CCurl
import RedrafterCore

/// The head of a response.
struct WebResponse: Sendable {
    var address: WebAddress
    var status: Int
    /// Names in small letters; of several lines of one name the last.
    var headers: [String: String] = [:]
    /// The same of the first response, where others followed after redirects: what the hub itself says of a file.
    var firstHeaders: [String: String] = [:]

    /// A header of the hub, wherever the body came from.
    func hubHeader(_ name: String) -> String? { firstHeaders[name] ?? headers[name] }

    /// A number in a header that is one and no more.
    func number(_ name: String) -> Int? {
        headers[name].flatMap { text in text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(text) : nil
        }
    }
}

/// Takes a response whose status is 200 or 206.
protocol WebSink: AnyObject {
    /// Called once, before the first byte.
    func begin(_ response: WebResponse) throws(HubError)
    func take(_ bytes: UnsafeRawBufferPointer) throws(HubError)
}

/// Sends requests one after the other over kept connections, and follows redirects without giving the token away.
///
/// Used from one thread.
final class WebClient {
    private let session: OpaquePointer
    private let settings: HubSettings
    /// The only host that the token is for; never over a plain connection to another machine.
    private let endpoint: WebAddress
    private let token: String?

    private static let redirectLimit = 10

    /// - Throws: `HubError.noClient`, `.invalidSetting` for an endpoint that is no address.
    init(_ settings: HubSettings) throws(HubError) {
        endpoint = try Self.endpoint(settings)
        if let reason = rd_curl_failure() { throw .noClient(reason: String(cString: reason)) }
        guard let session = rd_curl_open() else { throw .noClient(reason: "there is no memory for it") }
        self.session = session
        self.settings = settings
        token = endpoint.scheme == "https" || endpoint.isLoopback ? settings.token : nil
    }

    deinit { rd_curl_close(session) }

    static func endpoint(_ settings: HubSettings) throws(HubError) -> WebAddress {
        guard let address = WebAddress(settings.endpoint), !address.target.contains("?") else {
            throw .invalidSetting(
                name: "HF_ENDPOINT", got: settings.endpoint,
                expected: "an address such as https://huggingface.co")
        }
        return address
    }

    /// Whether a token is there that is not sent, as the endpoint is reached over a plain connection.
    var withholdsToken: Bool { settings.token != nil && token == nil }

    /// Sends one request, and those that it is redirected to. Responses other than 200 and 206 are returned, and their bodies
    /// dropped.
    /// - Parameters:
    ///   - address: where to.
    ///   - headers: beside those that every request has.
    ///   - headersOfHub: the same, for the first host only.
    ///   - isHead: no body is asked for.
    ///   - sink: takes the body.
    ///   - isCancelled: asked several times a second.
    /// - Throws: `HubError.unreachable`, `.untrusted`, `.interrupted` for a connection that broke, `.cancelled`,
    ///   `.badResponse`, and what the sink throws.
    func send(
        _ address: WebAddress, headers: [String] = [], headersOfHub: [String] = [], isHead: Bool = false,
        to sink: any WebSink,
        isCancelled: () -> Bool
    ) throws(HubError) -> WebResponse {
        var address = address
        var first: WebResponse?
        for _ in 0...Self.redirectLimit {
            var lines = ["Accept-Encoding: identity"] + headers
            if first.map({ $0.address.hasOrigin(of: address) }) ?? true { lines += headersOfHub }
            if let token, address.hasOrigin(of: endpoint) { lines.append("Authorization: Bearer \(token)") }
            var response = try exchange(
                address, lines, isHead: isHead, first: first, sink: sink, isCancelled: isCancelled)
            guard (300..<400).contains(response.status), response.status != 304 else {
                response.firstHeaders = first?.headers ?? [:]
                return response
            }
            guard let location = response.headers["location"], let next = address.following(location) else {
                throw .badResponse(
                    address: address.description, what: "the address it redirects to",
                    expected: "one of http or https", got: response.headers["location"] ?? "missing")
            }
            guard Self.mayFollow(next, from: address) else {
                throw .badResponse(
                    address: address.description, what: "the address it redirects to",
                    expected: "one of https, as its own", got: next.description)
            }
            if first == nil { first = response }
            address = next
        }
        throw .badResponse(
            address: address.description, what: "the number of redirects",
            expected: "at most \(Self.redirectLimit)",
            got: "more")
    }

    /// What came over a protected connection goes on over one.
    static func mayFollow(_ next: WebAddress, from address: WebAddress) -> Bool {
        next.scheme == "https" || address.scheme == "http"
    }

    private func exchange(
        _ address: WebAddress, _ lines: [String], isHead: Bool, first: WebResponse?, sink: any WebSink,
        isCancelled: () -> Bool
    ) throws(HubError) -> WebResponse {
        let exchange = withoutActuallyEscaping(isCancelled) { isCancelled in
            let exchange = WebExchange(address, first: first, sink: sink, isCancelled: isCancelled)
            exchange.perform(lines, isHead: isHead, on: session, settings)
            exchange.forgetCaller()
            return exchange
        }
        if let failure = exchange.failure { throw failure }
        let reason = exchange.message
        switch exchange.outcome {
        case RD_CURL_DONE:
            try exchange.beginOnce()
            return exchange.response
        case RD_CURL_STOPPED: return exchange.response
        case RD_CURL_UNREACHABLE: throw .unreachable(host: address.authority, reason: reason)
        case RD_CURL_BROKEN: throw .interrupted(host: address.authority, reason: reason)
        case RD_CURL_UNTRUSTED: throw .untrusted(host: address.authority, reason: reason)
        case RD_CURL_OUT_OF_MEMORY:
            throw .file(.outOfMemory(file: address.description, operation: "fetch", needed: 1))
        default:
            throw .badResponse(
                address: address.description, what: "the response", expected: "one of HTTP", got: reason)
        }
    }
}
