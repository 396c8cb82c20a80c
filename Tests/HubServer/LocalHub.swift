import RedrafterFormats
import RedrafterPlatform
import Synchronization

/// A hub on loopback for tests: HTTP/1.1 over sockets, with repositories in memory and answers that a test may replace.
///
/// Large files are redirected to another host (`localhost`, where the hub itself is `127.0.0.1`), as the real hub does.
public final class LocalHub: Sendable {
    public struct Request: Sendable {
        public var method: String
        /// The path with the query, as sent.
        public var target: String
        /// Names in small letters.
        public var headers: [String: String]
        /// How many requests for the same target came before.
        public var repetition: Int

        public var isForContent: Bool { target.hasPrefix("/content/") }
        public var isForList: Bool { target.hasPrefix("/api/") }
    }

    public struct Response: Sendable {
        public var status = 200
        public var headers: [(String, String)] = []
        public var body: [UInt8] = []
        /// What `Content-Length` says where it is not the body's own; negative for no such header.
        public var length: Int?
        /// The connection is closed after so many bytes of the body.
        public var cut: Int?
        /// Bytes between pauses of a millisecond, for connections that are slow.
        public var step: Int?

        public init(
            status: Int = 200, headers: [(String, String)] = [], body: [UInt8] = [], length: Int? = nil,
            cut: Int? = nil,
            step: Int? = nil
        ) {
            self.status = status
            self.headers = headers
            self.body = body
            self.length = length
            self.cut = cut
            self.step = step
        }
    }

    public struct Repository: Sendable {
        public var name: String
        public var commit: String
        public var files: [(path: String, bytes: [UInt8])]
        /// Larger files than this are stored by their SHA-256 and redirected.
        public var limit = 256

        public init(name: String, commit: String, files: [(path: String, bytes: [UInt8])]) {
            self.name = name
            self.commit = commit
            self.files = files
        }
    }

    public let port: Int
    private let listener: Int32
    private let state: Mutex<State>

    private struct State {
        var repositories: [Repository] = []
        var requests: [Request] = []
        var respond: (@Sendable (Request, Response) -> Response?)?
    }

    public init(_ repositories: Repository...) {
        // A client that goes away is no reason to end.
        signal(SIGPIPE, SIG_IGN)
        state = Mutex(State(repositories: repositories))
        let listener = Self.socket()
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard bind(listener, address, length) == 0, listen(listener, 64) == 0,
                    getsockname(listener, address, &length) == 0
                else { preconditionFailure("no socket on loopback") }
            }
        }
        self.listener = listener
        port = Int(UInt16(bigEndian: address.sin_port))
        Self.thread { [weak self] in
            while true {
                let connection = accept(listener, nil, nil)
                if connection < 0, errno == EINTR || errno == ECONNABORTED { continue }
                guard connection >= 0 else {
                    // Closed here and nowhere else: its number may belong to another socket right after.
                    close(listener)
                    return
                }
                guard let self else {
                    close(connection)
                    return
                }
                Self.thread { [weak self] in self?.serve(connection) }
            }
        }
    }

    deinit {
        shutdown(listener, 2)  // both directions: the thread that accepts ends
    }

    public var endpoint: String { "http://127.0.0.1:\(port)" }

    /// All requests so far.
    public var requests: [Request] { state.withLock { $0.requests } }

    /// Replaces answers; nil leaves the usual one, which is passed along.
    public func respond(_ body: (@Sendable (Request, Response) -> Response?)?) {
        state.withLock { $0.respond = body }
    }

    public func replace(_ repository: Repository) {
        state.withLock { state in
            state.repositories.removeAll { $0.name == repository.name }
            state.repositories.append(repository)
        }
    }

    // MARK: Answers

    private func answer(_ request: Request) -> Response {
        let usual = usual(request)
        guard let respond = state.withLock({ $0.respond }) else { return usual }
        return respond(request, usual) ?? usual
    }

    private func usual(_ request: Request) -> Response {
        for repository in state.withLock({ $0.repositories }) {
            if request.target.hasPrefix("/api/models/\(repository.name)/revision/") {
                return Response(body: Array(Self.list(repository).utf8))
            }
            for file in repository.files {
                if request.target == "/\(repository.name)/resolve/\(repository.commit)/\(file.path)" {
                    return content(of: file.bytes, repository, request)
                }
                if request.target == "/content/\(SHA256.hexadecimal(file.bytes))" {
                    return part(of: file.bytes, request)
                }
            }
        }
        return Response(status: 404, headers: [("X-Error-Code", "RepoNotFound")], body: Array("nothing".utf8))
    }

    private func content(of bytes: [UInt8], _ repository: Repository, _ request: Request) -> Response {
        let commit = ("X-Repo-Commit", repository.commit)
        let name = Self.blob(bytes, repository)
        guard bytes.count > repository.limit else {
            var response = part(of: bytes, request)
            response.headers += [commit, ("ETag", "\"\(name)\"")]
            return response
        }
        return Response(
            status: 302,
            headers: [
                commit, ("X-Linked-ETag", "\"\(name)\""), ("X-Linked-Size", "\(bytes.count)"),
                ("Location", "http://localhost:\(port)/content/\(name)"),
            ], body: Array("moved".utf8))
    }

    private func part(of bytes: [UInt8], _ request: Request) -> Response {
        guard let range = request.headers["range"], range.hasPrefix("bytes="), range.hasSuffix("-"),
            let start = Int(range.dropFirst(6).dropLast())
        else { return Response(body: bytes) }
        guard start < bytes.count else { return Response(status: 416) }
        return Response(
            status: 206, headers: [("Content-Range", "bytes \(start)-\(bytes.count - 1)/\(bytes.count)")],
            body: Array(bytes[start...]))
    }

    public static func blob(_ bytes: [UInt8], _ repository: Repository) -> String {
        guard bytes.count <= repository.limit else { return SHA256.hexadecimal(bytes) }
        var hash = GitBlobHash(byteCount: bytes.count)
        bytes.withUnsafeBytes { hash.add($0) }
        return hash.finish()
    }

    public static func list(_ repository: Repository) -> String {
        let files = repository.files.map { file in
            let name = blob(file.bytes, repository)
            let large = #", "lfs": {"sha256": "\#(name)", "size": \#(file.bytes.count), "pointerSize": 130}"#
            let path = JSONValue.string(file.path).text()
            return
                #"{"rfilename": \#(path), "size": \#(file.bytes.count), "blobId": "\#(name.prefix(40))"\#(name.count == 64 ? large : "")}"#
        }
        return
            #"{"id": "\#(repository.name)", "sha": "\#(repository.commit)", "siblings": [\#(files.joined(separator: ", "))]}"#
    }

    // MARK: Sockets

    private func serve(_ connection: Int32) {
        defer { close(connection) }
        var rest = [UInt8]()
        while let head = Self.head(connection, &rest) {
            let lines = head.split(separator: "\r\n").map(String.init)
            let words = (lines.first ?? "").split(separator: " ")
            guard words.count == 3 else { return }
            var headers = [String: String]()
            for line in lines.dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1)
                if parts.count == 2 { headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " }) }
            }
            let target = String(words[1])
            let request = state.withLock { state in
                let before = state.requests.count { $0.target == target }
                let request = Request(
                    method: String(words[0]), target: target, headers: headers, repetition: before)
                state.requests.append(request)
                return request
            }
            guard send(answer(request), isHead: request.method == "HEAD", over: connection) else { return }
        }
    }

    private func send(_ response: Response, isHead: Bool, over connection: Int32) -> Bool {
        var head = "HTTP/1.1 \(response.status) Status\r\n"
        let length = response.length ?? response.body.count
        if length >= 0 { head += "Content-Length: \(length)\r\n" }
        for (name, value) in response.headers { head += "\(name): \(value)\r\n" }
        guard Self.write(Array((head + "\r\n").utf8), connection) else { return false }
        if isHead { return true }
        let body = response.cut.map { Array(response.body.prefix($0)) } ?? response.body
        let step = response.step ?? max(1, body.count)
        for start in stride(from: 0, to: body.count, by: step) {
            guard Self.write(Array(body[start..<min(body.count, start + step)]), connection) else {
                return false
            }
            if response.step != nil { usleep(1000) }
        }
        return response.cut == nil && length == response.body.count
    }

    private static func head(_ connection: Int32, _ rest: inout [UInt8]) -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let text = String(decoding: rest, as: UTF8.self)
            if let end = text.utf8.firstRange(of: "\r\n\r\n".utf8) {
                let head = String(text[..<end.lowerBound])
                rest.removeFirst(head.utf8.count + 4)
                return head
            }
            let count = recv(connection, &buffer, buffer.count, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0, rest.count < 65_536 else { return nil }
            rest += buffer[..<count]
        }
    }

    private static func write(_ bytes: [UInt8], _ connection: Int32) -> Bool {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                sendBytes(connection, $0.baseAddress.map { $0 + done }, bytes.count - done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }

    private static func socket() -> Int32 {
        #if canImport(Darwin)
            Darwin.socket(AF_INET, SOCK_STREAM, 0)
        #else
            makeSocket()
        #endif
    }

    private static func thread(_ body: @escaping @Sendable () -> Void) {
        let box = Unmanaged.passRetained(Box(body))
        #if canImport(Darwin)
            var thread: pthread_t?
        #else
            var thread = pthread_t()
        #endif
        let status = pthread_create(
            &thread, nil,
            { context in
                #if canImport(Darwin)
                    Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body()
                #else
                    if let context { Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body() }
                #endif
                return nil
            }, box.toOpaque())
        precondition(status == 0, "no thread")
        #if canImport(Darwin)
            if let thread { pthread_detach(thread) }
        #else
            pthread_detach(thread)
        #endif
    }

    private final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}

private func sendBytes(_ connection: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    send(connection, bytes, count, 0)
}

#if !canImport(Darwin)
    private func makeSocket() -> Int32 { socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
#endif
