import HubServer
import RedrafterFormats
import RedrafterPlatform
import RedrafterTesting
import Synchronization
import Testing

@testable import RedrafterHub

@Suite("A hub that refuses, fails or means harm") struct HubFaultTests {
    private let fixture = HubFixture()

    private func fail(
        _ name: String = "org/tiny", _ change: (inout HubSettings) -> Void = { _ in }
    ) throws -> HubError? {
        let hub = try fixture.hub(change)
        return #expect(throws: HubError.self) { try hub.pull(HubReference(name)) }
    }

    @Test(
        "Refusals say what to do, and are not tried again",
        arguments: [
            (401, "RepoNotFound", "private", "HF_TOKEN"), (401, "", "private", "HF_TOKEN"),
            (401, "GatedRepo", "conditions", "org/tiny"), (403, "GatedRepo", "conditions", "HF_TOKEN"),
            (403, "", "conditions", "org/tiny"), (404, "RepoNotFound", "no model org/tiny", ""),
            (404, "RevisionNotFound", "no revision main", ""), (404, "", "no revision main", ""),
            (418, "", "418", ""),
        ])
    func refusals(status: Int, code: String, text: String, hint: String) throws {
        fixture.server.respond { _, _ in .init(status: status, headers: [("X-Error-Code", code)]) }
        for token in [nil, "hf_x"] {
            let error = try fail { $0.token = token }
            #expect(error?.description.contains(text) == true, "\(String(describing: error))")
            #expect(
                hint.isEmpty || error?.hint?.contains(hint) == true || token != nil,
                "\(String(describing: error?.hint))")
        }
        #expect(fixture.server.requests.count == 2)
    }

    @Test("What passes is tried again, up to a limit", arguments: [408, 429, 500, 502, 503, 504])
    func passing(status: Int) throws {
        fixture.server.respond { request, _ in request.repetition < 2 ? .init(status: status) : nil }
        let model = try fixture.hub().pull(HubReference("org/tiny"))
        #expect(fixture.bytes(model.path) == fixture.content("tiny-Q4_K_M.gguf"))
        fixture.server.respond { _, _ in .init(status: status) }
        let before = fixture.server.requests.count
        let notes = Mutex([String]())
        var observer = HubObserver()
        observer.note = { text in notes.withLock { $0.append(text) } }
        let hub = try fixture.hub()
        let error = #expect(throws: HubError.self) {
            try hub.pull(HubReference("org/folder"), observer: observer)
        }
        #expect(
            error
                == .unavailable(host: "127.0.0.1:\(fixture.server.port)", status: status, secondsToWait: nil))
        #expect(fixture.server.requests.count - before == 5, "\(notes.withLock { $0 })")
    }

    @Test("An address of a content that no longer holds is asked for anew") func expired() throws {
        fixture.server.respond { request, _ in
            request.isForContent && request.repetition < 2 ? .init(status: 403) : nil
        }
        let model = try fixture.hub().pull(HubReference("org/tiny"))
        #expect(fixture.bytes(model.path) == fixture.content("tiny-Q4_K_M.gguf"))
    }

    @Test("The pause that a hub asks for is kept, and one too long is said") func retryAfter() throws {
        fixture.server.respond { request, _ in
            request.repetition == 0 ? .init(status: 429, headers: [("Retry-After", "1")]) : nil
        }
        let start = ContinuousClock.now
        _ = try fixture.hub().pull(HubReference("org/tiny"))
        #expect(ContinuousClock.now - start >= .seconds(1))
        fixture.server.respond { _, _ in .init(status: 429, headers: [("Retry-After", "86400")]) }
        let error = try fail("org/folder")
        #expect(
            error?.description.contains("wait 86400 s") == true && error?.hint?.contains("HF_TOKEN") == true)
    }

    @Test("A connection that always breaks is given up, and what came is kept") func alwaysCut() throws {
        fixture.server.respond { request, usual in
            var response = usual
            response.cut = request.headers["range"] == nil ? 100 : 0
            return request.isForContent ? response : nil
        }
        guard case .interrupted? = try fail() else { return #expect(Bool(false), "another error") }
        let blobs = fixture.directory.file("hub/models--org--tiny/blobs")
        let names = try FilePath.names(in: blobs)
        #expect(names.count == 1 && fixture.bytes("\(blobs)/\(names[0])").count == 100)
    }

    @Test(
        "Names that lead out of the cache make a repository unusable, and nothing is written",
        arguments: [
            "../../escape.gguf", "/etc/escape.gguf", "a/../../../escape.gguf", "a//escape.gguf",
            "./escape.gguf", "",
            "a\\..\\escape.gguf", "esc\u{0}ape.gguf", "escape.gguf/", "esc\nape.gguf", "..",
            String(repeating: "a", count: 300) + ".gguf", String(repeating: "a/", count: 600) + "b.gguf",
        ])
    func paths(name: String) throws {
        var repository = HubFixture.tiny
        repository.files[0].path = name
        fixture.server.replace(repository)
        guard case .unsafeName? = try fail() else { return #expect(Bool(false), "another error") }
        #expect(access(fixture.directory.file("hub"), F_OK) != 0)
    }

    @Test(
        "Answers that are no list are refused with their fault",
        arguments: [
            "", "<html>", "[]", "{}", #"{"sha": 1, "siblings": []}"#, #"{"sha": "../../x", "siblings": []}"#,
            #"{"sha": "SHA", "siblings": {}}"#, #"{"sha": "SHA", "siblings": [1]}"#,
            #"{"sha": "SHA", "siblings": [{"rfilename": 1}]}"#,
            #"{"sha": "SHA", "siblings": [{"rfilename": "a-Q4_0.gguf", "size": -1, "blobId": "SHA"}]}"#,
            #"{"sha": "SHA", "siblings": [{"rfilename": "a-Q4_0.gguf", "size": 1e3, "blobId": "SHA"}]}"#,
            #"{"sha": "SHA", "siblings": [{"rfilename": "a-Q4_0.gguf", "size": 1, "blobId": "../../../etc/x"}]}"#,
            #"{"sha": "SHA", "siblings": [{"rfilename": "a-Q4_0.gguf"}, {"rfilename": "a-Q4_0.gguf"}]}"#,
        ])
    func lists(text: String) throws {
        let text = text.replacing("SHA", with: HubFixture.commit)
        fixture.server.respond { _, _ in .init(body: Array(text.utf8)) }
        guard case .badResponse? = try fail() else { return #expect(Bool(false), "another error") }
    }

    @Test("Hostile sizes of answers are bounded", arguments: ["list", "nesting", "head", "size", "space"])
    func bounded(kind: String) throws {
        fixture.server.respond { _, _ in
            switch kind {
            case "list": return .init(body: [UInt8](repeating: 0x20, count: (32 << 20) + 1), length: -1)
            case "nesting": return .init(body: [UInt8](repeating: 0x5B, count: 1 << 20))
            case "head":
                return .init(headers: (0..<4000).map { ("X-\($0)", String(repeating: "x", count: 100)) })
            default:
                let file =
                    #"{"rfilename": "a-Q4_0.gguf", "size": \#(kind == "size" ? Int.max : 1 << 50), "blobId": "\#(HubFixture.commit)"}"#
                return .init(body: Array(#"{"sha": "\#(HubFixture.commit)", "siblings": [\#(file)]}"#.utf8))
            }
        }
        let error = try fail()
        if kind == "space" {
            guard case .noSpace? = error else { return #expect(Bool(false), "another error") }
        } else {
            guard case .badResponse? = error else {
                return #expect(Bool(false), "\(String(describing: error))")
            }
        }
    }

    @Test(
        "Redirects lead to other addresses of the web, and to an end",
        arguments: [
            "file:///etc/passwd", "ftp://localhost/x", "http://user@localhost/x", "loop", "//",
            "javascript:1", "",
        ])
    func redirects(location: String) throws {
        let port = fixture.server.port
        fixture.server.respond { request, _ in
            let next = location == "loop" ? "http://localhost:\(port)\(request.target)x" : location
            return .init(status: 302, headers: location.isEmpty ? [] : [("Location", next)])
        }
        guard case .badResponse? = try fail() else { return #expect(Bool(false), "another error") }
        #expect(fixture.server.requests.count <= 11)
    }

    @Test(
        "No connection is said at once where nothing is cached, and the cache is used with a warning where something is"
    )
    func unreachable() throws {
        let cached = try fixture.hub().pull(HubReference("org/tiny"))
        let hub = try fixture.hub { $0.endpoint = "http://127.0.0.1:1" }
        let warnings = Mutex([String]())
        var observer = HubObserver()
        observer.warning = { text in warnings.withLock { $0.append(text) } }
        #expect(try hub.pull(HubReference("org/tiny"), observer: observer).path == cached.path)
        #expect(warnings.withLock { $0.count == 1 && $0[0].contains("no connection to 127.0.0.1:1") })
        guard case .unreachable? = try fail("org/folder", { $0.endpoint = "http://127.0.0.1:1" }) else {
            return #expect(Bool(false), "another error")
        }
    }

    @Test("A hub that is out of order gives way to the cache, one that refuses does not") func outOfOrder()
        throws
    {
        let cached = try fixture.hub().pull(HubReference("org/tiny"))
        fixture.server.respond { _, _ in .init(status: 503) }
        #expect(try fixture.hub().pull(HubReference("org/tiny")).path == cached.path)
        fixture.server.respond { _, _ in .init(status: 403) }
        guard case .gated? = try fail() else { return #expect(Bool(false), "another error") }
    }

    @Test("Without the network the cache alone counts") func offline() throws {
        let cached = try fixture.hub().pull(HubReference("org/tiny"))
        let before = fixture.server.requests.count
        let hub = try fixture.hub { $0.isOffline = true }
        #expect(try hub.pull(HubReference("org/tiny")).path == cached.path)
        guard case .notCached? = try fail("org/folder", { $0.isOffline = true }) else {
            return #expect(Bool(false), "another error")
        }
        #expect(fixture.server.requests.count == before)
    }

    @Test("Nothing is written through links in the cache", arguments: ["", "/blobs", "/snapshots", "/refs"])
    func links(place: String) throws {
        let outside = fixture.directory.file("outside")
        fixture.makeDirectories(outside)
        let home = fixture.directory.file("hub/models--org--tiny")
        fixture.makeDirectories(place.isEmpty ? fixture.directory.file("hub") : home)
        #expect(symlink(outside, home + place) == 0)
        guard case .unsafeName? = try fail() else { return #expect(Bool(false), "another error") }
        #expect(try FilePath.names(in: outside).isEmpty)
    }

    @Test("A link or a pipe in the place of a partial file is not followed", arguments: [true, false])
    func partialIsNoFile(isLink: Bool) throws {
        let blobs = fixture.directory.file("hub/models--org--tiny/blobs")
        fixture.makeDirectories(blobs)
        let target = fixture.directory.file("target")
        fixture.write([1, 2, 3], target)
        let partial = "\(blobs)/\(SHA256.hexadecimal(fixture.content("tiny-Q4_K_M.gguf"))).incomplete"
        #expect((isLink ? symlink(target, partial) : mkfifo(partial, 0o644)) == 0)
        #expect(try fail() != nil)
        #expect(fixture.bytes(target) == [1, 2, 3])
    }

    @Test("A cache that may not be written is said") func readOnly() throws {
        fixture.write([], fixture.directory.file("hub"))
        guard case .file? = try fail() else { return #expect(Bool(false), "another error") }
    }

    @Test("Errors are one line of harmless text with what came from outside escaped") func descriptions() {
        let hostile = "a\u{1B}[2J\n\u{202E}b"
        let errors: [HubError] = [
            .invalidReference(text: hostile, reason: hostile),
            .invalidSetting(name: "N", got: hostile, expected: "e"),
            .notCached(model: hostile, directory: hostile, reason: hostile), .noClient(reason: hostile),
            .unreachable(host: hostile, reason: hostile), .untrusted(host: hostile, reason: hostile),
            .unauthorized(model: hostile, hasToken: true),
            .gated(model: hostile, page: hostile, hasToken: false),
            .notFound(what: hostile, host: hostile), .unavailable(host: hostile, status: 1, secondsToWait: 2),
            .interrupted(host: hostile, reason: hostile),
            .badResponse(address: hostile, what: hostile, expected: hostile, got: hostile),
            .altered(file: hostile, expected: hostile, got: hostile),
            .noChoice(model: hostile, asked: hostile, available: [hostile]),
            .unsafeName(name: hostile, reason: hostile),
            .noSpace(directory: hostile, needed: 2, available: 1), .cancelled,
        ]
        for error in errors {
            for text in [error.description, error.hint ?? ""] {
                #expect(
                    text.unicodeScalars.allSatisfy {
                        $0.properties.generalCategory != .control && !$0.properties.isBidiControl
                    },
                    "\(text.debugDescription)")
            }
        }
    }
}
