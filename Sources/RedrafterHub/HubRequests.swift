import RedrafterCore
import RedrafterPlatform

/// What the hub is asked, with the attempts that this takes.
final class HubRequests {
    private let client: WebClient
    private let endpoint: WebAddress
    private let settings: HubSettings
    private let observer: HubObserver

    init(_ settings: HubSettings, observer: HubObserver) throws(HubError) {
        client = try WebClient(settings)
        endpoint = try WebClient.endpoint(settings)
        self.settings = settings
        self.observer = observer
        if client.withholdsToken {
            observer.warning(
                "the token is not sent: \(endpoint.authority) is reached over a connection that all can read")
        }
    }

    /// The files of a repository.
    /// - Parameter isPatient: whether to try again where there is no connection at all.
    func listing(_ reference: HubReference, isPatient: Bool) throws(HubError) -> HubListing {
        let parts = ["api", "models"] + reference.repository.split(separator: "/").map(String.init)
        let address = endpoint.appending(path: parts + ["revision", reference.revision], query: "blobs=true")
        let sink = MemorySink(limit: HubListing.byteLimit)
        try send(address, to: sink, about: reference, isPatient: isPatient) {
            "revision \(reference.revision) of \(reference.repository)"
        }
        return try HubListing(
            parsing: sink.bytes, repository: reference.repository, address: address.description)
    }

    /// Size and content of a file, for hubs that leave them out of the list.
    func completed(_ file: HubFile, of listing: HubListing, _ reference: HubReference) throws(HubError)
        -> HubFile
    {
        let address = address(of: file, listing)
        let response = try send(
            address, isHead: true, to: MemorySink(limit: .max), about: reference, isPatient: true
        ) { "file \(file.path)" }
        let blob = Self.hash(response.hubHeader("x-linked-etag") ?? response.hubHeader("etag"))
        let size = response.hubHeader("x-linked-size") ?? response.headers["content-length"]
        guard let blob, HubPath.isBlobName(blob), let byteCount = size.flatMap({ Int($0) }),
            (0...HubFile.largest).contains(byteCount)
        else {
            throw .badResponse(
                address: address.description, what: "what is said of the file",
                expected: "its size and its hash",
                got: "size \(size ?? "missing"), hash \(blob ?? "missing")")
        }
        return HubFile(path: file.path, byteCount: byteCount, blob: blob)
    }

    /// Fetches a file into a sink that knows how much of it is there; a broken connection goes on from there.
    func content(
        _ file: HubFile, of listing: HubListing, _ reference: HubReference, into sink: BlobSink
    ) throws(HubError) {
        try send(address(of: file, listing), to: sink, about: reference, isPatient: true) {
            "file \(file.path)"
        }
    }

    private func address(of file: HubFile, _ listing: HubListing) -> WebAddress {
        let repository = listing.repository.split(separator: "/").map(String.init)
        let path = file.path.split(separator: "/").map(String.init)
        return endpoint.appending(path: repository + ["resolve", listing.commit] + path)
    }

    /// The value of an ETag, weak or not.
    static func hash(_ tag: String?) -> String? {
        guard var text = tag?[...] else { return nil }
        if text.hasPrefix("W/") { text = text.dropFirst(2) }
        return String(text.filter { $0 != "\"" })
    }
}

extension HubRequests {
    /// Sends a request until it succeeds, fails for good, or has failed too often without a byte of progress.
    @discardableResult private func send(
        _ address: WebAddress, isHead: Bool = false, to sink: any WebSink, about reference: HubReference,
        isPatient: Bool, what: () -> String
    ) throws(HubError) -> WebResponse {
        var failures = 0
        while true {
            let blob = sink as? BlobSink
            let before = blob?.count ?? 0
            var failure: HubError
            var wait: Duration?
            do throws(HubError) {
                if let blob, blob.isComplete, !blob.isEmpty {
                    return WebResponse(address: address, status: 200)
                }
                let response = try client.send(
                    address, headers: blob?.headers ?? [], headersOfHub: blob?.headersOfHub ?? [],
                    isHead: isHead, to: sink, isCancelled: observer.isCancelled)
                guard response.status != 200, response.status != 206 else {
                    try blob?.finish(response)
                    return response
                }
                if response.status == 416, let blob, blob.count > 0 { try blob.restart() }
                wait = response.headers["retry-after"].flatMap { Int($0) }.map {
                    .seconds(max(0, min($0, 1 << 30)))
                }
                failure = error(response, about: reference, wait: wait, what: what)
            } catch {
                failure = error
            }
            guard failure.isPassing, isPatient || !failure.isUnreachable else { throw failure }
            failures = (blob?.count ?? 0) > before ? 1 : failures + 1
            // A host that is not there at all rarely comes back within seconds.
            let attempts =
                failure.isWithoutConnection ? min(settings.retries.attempts, 2) : settings.retries.attempts
            guard failures < attempts, wait ?? .zero <= settings.retries.longestWait else {
                throw failure
            }
            let pause = max(wait ?? .zero, settings.retries.pause(after: failures))
            observer.note("\(failure.description); trying again")
            try rest(pause)
        }
    }

    private func rest(_ pause: Duration) throws(HubError) {
        let end = ContinuousClock.now + pause
        while ContinuousClock.now < end {
            if observer.isCancelled() { throw .cancelled }
            usleep(20_000)
        }
    }

    private func error(
        _ response: WebResponse, about reference: HubReference, wait: Duration?, what: () -> String
    ) -> HubError {
        let host = response.address.authority
        let kind = response.headers["x-error-code"] ?? ""
        let hasToken = settings.token != nil
        if !response.address.hasOrigin(of: endpoint), (400..<500).contains(response.status) {
            // An address that the hub had signed for a while, and that no longer holds: the next attempt gets a new one.
            return .unavailable(host: host, status: response.status, secondsToWait: nil)
        }
        switch (response.status, kind) {
        case (401, "GatedRepo"), (403, _):
            let page = endpoint.appending(path: reference.repository.split(separator: "/").map(String.init))
            return .gated(model: reference.repository, page: page.description, hasToken: hasToken)
        case (401, _): return .unauthorized(model: reference.repository, hasToken: hasToken)
        case (404, "RepoNotFound"): return .notFound(what: "model \(reference.repository)", host: host)
        case (404, "RevisionNotFound"):
            return .notFound(what: "revision \(reference.revision) of \(reference.repository)", host: host)
        case (404, _), (410, _): return .notFound(what: what(), host: host)
        case (408, _), (416, _), (425, _), (429, _), (500..., _):
            return .unavailable(
                host: host, status: response.status, secondsToWait: wait.map { Int($0.components.seconds) })
        default:
            return .badResponse(
                address: response.address.description, what: "the status", expected: "200 or 206",
                got: "\(response.status)")
        }
    }
}

extension HubError {
    /// Another attempt may succeed.
    var isPassing: Bool {
        switch self {
        case .unreachable, .interrupted, .unavailable, .altered: true
        default: false
        }
    }

    /// Nothing was sent at all.
    var isWithoutConnection: Bool {
        if case .unreachable = self { true } else { false }
    }

    /// There is no hub to speak to at the moment; what is in the cache is the best there is.
    var isUnreachable: Bool {
        switch self {
        case .unreachable, .interrupted, .unavailable, .noClient, .untrusted: true
        default: false
        }
    }
}
