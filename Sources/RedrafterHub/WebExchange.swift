import CCurl
import RedrafterCore
import RedrafterPlatform

/// One request and its response, while libcurl runs it: what its callbacks fill.
final class WebExchange {
    private(set) var response: WebResponse
    private(set) var outcome = RD_CURL_FAILED
    /// What libcurl says of a failure.
    private(set) var message = ""
    /// What the sink or this side says of one.
    private(set) var failure: HubError?

    private let first: WebResponse?
    private let sink: any WebSink
    private var isCancelled: () -> Bool
    private var headerBytes = 0
    private var droppedBytes = 0
    private var hasBegun = false

    private static let headerLimit = 256 << 10
    private static let dropLimit = 1 << 20

    init(_ address: WebAddress, first: WebResponse?, sink: any WebSink, isCancelled: @escaping () -> Bool) {
        response = WebResponse(address: address, status: 0, headers: [:])
        self.first = first
        self.sink = sink
        self.isCancelled = isCancelled
    }

    /// The closure lives no longer than the call that it was given to.
    func forgetCaller() { isCancelled = { true } }

    /// Runs the request to its end.
    func perform(_ lines: [String], isHead: Bool, on session: OpaquePointer, _ settings: HubSettings) {
        var message = [CChar](repeating: 0, count: 512)
        var status = 0
        let copies = lines.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        let pointers = copies.map { UnsafePointer<CChar>($0) }
        response.address.text.withCString { url in
            "redrafter".withCString { agent in
                withOptionalCString(settings.certificates) { certificates in
                    pointers.withUnsafeBufferPointer { headers in
                        var request = rd_curl_request(
                            url: url, user_agent: agent, headers: headers.baseAddress,
                            header_count: headers.count,
                            certificates: certificates, is_head: isHead ? 1 : 0,
                            is_direct: response.address.isLoopback ? 1 : 0,
                            connect_seconds: settings.connectSeconds, stall_seconds: settings.stallSeconds,
                            header: { WebExchange.of($2).header($0, $1) },
                            body: { WebExchange.of($2).body($0, $1) },
                            is_cancelled: { WebExchange.of($0).poll() },
                            context: Unmanaged.passUnretained(self).toOpaque())
                        outcome = rd_curl_perform(session, &request, &status, &message, message.count)
                    }
                }
            }
        }
        let end = message.firstIndex(of: 0) ?? message.endIndex
        self.message = String(decoding: message[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if outcome == RD_CURL_DONE { response.status = status }
    }

    /// Tells the sink of the response before its first byte, or after an empty one.
    func beginOnce() throws(HubError) {
        guard !hasBegun, response.status == 200 || response.status == 206 else { return }
        hasBegun = true
        var complete = response
        complete.firstHeaders = first?.headers ?? [:]
        try sink.begin(complete)
    }

    private static func of(_ context: UnsafeMutableRawPointer?) -> WebExchange {
        guard let context else { preconditionFailure("a callback without its request") }
        return Unmanaged<WebExchange>.fromOpaque(context).takeUnretainedValue()
    }

    private func poll() -> Int32 {
        guard failure == nil, isCancelled() else { return failure == nil ? 0 : 1 }
        failure = .cancelled
        return 1
    }

    /// One line: the status, `Name: value`, or the empty one at the end.
    private func header(_ bytes: UnsafePointer<CChar>?, _ count: Int) -> Int32 {
        headerBytes += count
        guard headerBytes <= Self.headerLimit else {
            failure = .badResponse(
                address: response.address.description, what: "the head of the response",
                expected: "at most \(Self.headerLimit) bytes", got: "longer")
            return 1
        }
        let line = String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
        if line.hasPrefix("HTTP/") {
            // Of several heads (100, a proxy's own) the last one counts.
            response.headers = [:]
            let words = line.split(separator: " ")
            response.status = words.count > 1 ? Int(words[1].prefix(3)) ?? 0 : 0
        } else if let colon = line.firstIndex(of: ":") {
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            response.headers[line[..<colon].lowercased()] = String(value.prefix { !$0.isNewline })
        }
        return 0
    }

    private func body(_ bytes: UnsafePointer<CChar>?, _ count: Int) -> Int32 {
        guard response.status == 200 || response.status == 206 else {
            // What comes with a redirect or an error is for people with browsers.
            droppedBytes += count
            return droppedBytes <= Self.dropLimit ? 0 : 1
        }
        do throws(HubError) {
            try beginOnce()
            try sink.take(UnsafeRawBufferPointer(start: bytes, count: count))
            return 0
        } catch {
            failure = error
            return 1
        }
    }
}

private func withOptionalCString<Result>(
    _ text: String?, _ body: (UnsafePointer<CChar>?) -> Result
) -> Result {
    guard let text else { return body(nil) }
    return text.withCString { body($0) }
}

/// Keeps a short body in memory.
final class MemorySink: WebSink {
    private(set) var bytes = [UInt8]()
    private let limit: Int
    private var address = ""

    init(limit: Int) { self.limit = limit }

    func begin(_ response: WebResponse) throws(HubError) {
        bytes = []
        address = response.address.description
        if let length = response.number("content-length"), length > limit { throw tooLong("\(length) bytes") }
    }

    func take(_ piece: UnsafeRawBufferPointer) throws(HubError) {
        guard bytes.count + piece.count <= limit else { throw tooLong("longer") }
        bytes.append(contentsOf: piece)
    }

    private func tooLong(_ got: String) -> HubError {
        .badResponse(address: address, what: "the response", expected: "at most \(limit) bytes", got: got)
    }
}
