import HubServer
import RedrafterFormats
import RedrafterPlatform
import RedrafterTesting
import Synchronization
import Testing

@testable import RedrafterHub

@Suite("Fetching models from the hub") struct HubPullTests {
    private let fixture = HubFixture()

    @Test("A GGUF file lies in the layout of Hugging Face's cache, and is found there without the network")
    func layout() throws {
        let hub = try fixture.hub()
        let model = try hub.pull(HubReference("org/tiny"))
        let home = "\(hub.directory)/models--org--tiny"
        #expect(model.path == "\(home)/snapshots/\(HubFixture.commit)/tiny-Q4_K_M.gguf")
        #expect(model.label == "Q4_K_M" && model.others == ["F16", "Q8_0"])
        #expect(fixture.bytes(model.path) == fixture.content("tiny-Q4_K_M.gguf"))
        let hash = SHA256.hexadecimal(fixture.content("tiny-Q4_K_M.gguf"))
        #expect(fixture.link(model.path) == "../../blobs/\(hash)")
        #expect(fixture.bytes("\(home)/refs/main") == Array(HubFixture.commit.utf8))
        #expect(try FilePath.names(in: "\(home)/blobs") == [hash])
        let before = fixture.server.requests.count
        for name in ["org/tiny", "org/tiny:q4_k_m", "hf:org/tiny/tiny-Q4_K_M.gguf", "org/tiny@main"] {
            #expect(try hub.cached(HubReference(name))?.path == model.path, "\(name)")
        }
        #expect(try hub.cached(HubReference("org/tiny:Q8_0")) == nil)
        #expect(fixture.server.requests.count == before)
    }

    @Test("A second fetch asks for the list and fetches nothing") func again() throws {
        let hub = try fixture.hub()
        let first = try hub.pull(HubReference("org/tiny"))
        let before = fixture.server.requests.count
        #expect(try hub.pull(HubReference("org/tiny")) == first)
        #expect(fixture.server.requests.dropFirst(before).map(\.isForList) == [true])
    }

    @Test("A folder of safetensors comes with what it takes to run it, and nothing else") func folder() throws
    {
        let hub = try fixture.hub()
        let model = try hub.pull(HubReference("org/folder"))
        #expect(
            model.files.map(\.path).sorted() == [
                "config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                "model.safetensors.index.json", "tokenizer.json",
            ])
        #expect(model.path == "\(hub.directory)/models--org--folder/snapshots/\(HubFixture.commit)")
        for file in model.files {
            #expect(fixture.bytes("\(model.path)/\(file.path)") == fixture.content(file.path))
        }
        #expect(try hub.cached(HubReference("org/folder"))?.path == model.path)
    }

    @Test(
        "All parts of a GGUF file in several come, whatever part is named, and links in folders lead back to the blobs"
    )
    func parts() throws {
        let hub = try fixture.hub()
        for name in [
            "org/parts", "org/parts:BF16", "org/parts/BF16/big-BF16-00002-of-00003.gguf", "org/parts/BF16",
        ] {
            let model = try hub.pull(HubReference(name))
            #expect(model.path.hasSuffix("/BF16/big-BF16-00001-of-00003.gguf") && model.files.count == 3)
            #expect(fixture.link(model.path)?.hasPrefix("../../../blobs/") == true)
            #expect(fixture.bytes(model.path) == fixture.content("BF16/big-BF16-00001-of-00003.gguf"))
            #expect(try hub.cached(HubReference(name))?.path == model.path)
        }
    }

    @Test("The token goes to the hub and to no host that it redirects to") func token() throws {
        let hub = try fixture.hub { $0.token = "hf_secret" }
        _ = try hub.pull(HubReference("org/tiny"))
        let requests = fixture.server.requests
        #expect(requests.contains { $0.isForContent })
        for request in requests {
            let sent = request.headers["authorization"]
            #expect(request.isForContent ? sent == nil : sent == "Bearer hf_secret", "\(request.target)")
        }
    }

    @Test("A connection that breaks goes on where it broke") func cut() throws {
        fixture.server.respond { request, usual in
            guard request.isForContent, request.repetition < 3 else { return nil }
            var response = usual
            response.cut = 1000
            return response
        }
        let model = try fixture.hub().pull(HubReference("org/tiny"))
        #expect(fixture.bytes(model.path) == fixture.content("tiny-Q4_K_M.gguf"))
        let ranges = fixture.server.requests.filter(\.isForContent).map { $0.headers["range"] ?? "" }
        #expect(ranges == ["", "bytes=1000-", "bytes=2000-", "bytes=3000-"])
    }

    @Test(
        "What an earlier fetch left is taken over, and dropped where it turns out to be wrong",
        arguments: [true, false])
    func leftOver(isRight: Bool) throws {
        let hub = try fixture.hub()
        let content = fixture.content("tiny-Q4_K_M.gguf")
        let blobs = "\(hub.directory)/models--org--tiny/blobs"
        fixture.makeDirectories(blobs)
        let partial = isRight ? Array(content[..<5000]) : [UInt8](repeating: 7, count: 5000)
        fixture.write(partial, "\(blobs)/\(SHA256.hexadecimal(content)).incomplete")
        let model = try hub.pull(HubReference("org/tiny"))
        #expect(fixture.bytes(model.path) == content)
        let ranges = fixture.server.requests.filter(\.isForContent).map { $0.headers["range"] ?? "" }
        #expect(ranges == (isRight ? ["bytes=5000-"] : ["bytes=5000-", ""]))
        #expect(try FilePath.names(in: blobs) == [SHA256.hexadecimal(content)])
    }

    @Test(
        "A server without ranges sends the whole again, and a wrong range is refused", arguments: [200, 206])
    func rangeIgnored(status: Int) throws {
        fixture.server.respond { request, usual in
            guard request.isForContent else { return nil }
            var response = usual
            if request.repetition == 0 {
                response.cut = 1000
            } else if status == 200 {
                response = .init(body: HubFixture.content("tiny-Q4_K_M.gguf"))
            } else {
                response.headers = [("Content-Range", "bytes 0-1/2")]
            }
            return response
        }
        let hub = try fixture.hub()
        if status == 200 {
            #expect(
                try fixture.bytes(hub.pull(HubReference("org/tiny")).path)
                    == fixture.content("tiny-Q4_K_M.gguf"))
        } else {
            #expect(throws: HubError.self) { try hub.pull(HubReference("org/tiny")) }
        }
    }

    @Test(
        "Content of another length or another hash never gets a name",
        arguments: ["long", "short", "other", "tag", "endless"])
    func wrongContent(kind: String) throws {
        fixture.server.respond { request, usual in
            var response = usual
            if kind == "tag" {
                guard request.target.contains("/resolve/") else { return nil }
                response.headers = response.headers.map {
                    ($0, $0 == "X-Linked-ETag" ? HubFixture.otherHash : $1)
                }
                return response
            }
            guard request.isForContent else { return nil }
            switch kind {
            case "long": response.body += [1]
            case "short": response.body.removeLast()
            case "endless":
                response.body += [UInt8](repeating: 1, count: 100_000)
                response.length = -1
            default: response.body = response.body.map { $0 ^ 1 }
            }
            return response
        }
        let hub = try fixture.hub()
        let error = #expect(throws: HubError.self) { try hub.pull(HubReference("org/tiny")) }
        switch (kind, error) {
        case ("other", .altered), ("long", .badResponse), ("short", .badResponse), ("tag", .badResponse),
            ("endless", .badResponse):
            break
        default: Issue.record("\(kind): \(String(describing: error))")
        }
        let names = try FilePath.names(in: "\(hub.directory)/models--org--tiny/blobs")
        #expect(names.allSatisfy { $0.hasSuffix(".incomplete") })
        #expect(try hub.cached(HubReference("org/tiny")) == nil)
    }

    @Test("A small file that was changed on the way is told by git's hash") func smallFile() throws {
        fixture.server.respond { request, usual in
            guard request.target.hasSuffix("/config.json") else { return nil }
            var response = usual
            response.body[0] ^= 1
            return response
        }
        guard
            case .altered? = #expect(
                throws: HubError.self, performing: { try fixture.hub().pull(HubReference("org/folder")) })
        else { return #expect(Bool(false), "another error") }
    }

    @Test("git's hash of a content is git's", arguments: [0, 1, 6, 55, 56, 57, 63, 64, 119, 1000])
    func gitHash(count: Int) {
        // From `git hash-object` of so many bytes `a`.
        let known = [
            0: "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
            1: "2e65efe2a145dda7ee51d1741299f848e5bf752e",
            6: "ee9808dcf8b9fc9326ce4d96ff74e478c3809447",
            55: "d1985ddc2983785702b9a90effd5aff2f7cfdca4",
            56: "1f973e890f52da1f22fa7e5620a628bc4ee74cb3",
            57: "d28c6cde5a5ab0b138bd53a288c23e8c011c4171",
            63: "487e57f9763ebddbed2027c4452510c0ae0f95ff",
            64: "71b7a71962774fa5c721e1163f935cb61a0e09e6",
            119: "1325c3d76ea6a66e75dce490a0b8cb8b12233ee0",
            1000: "a50be72b20f0e3f078d252e8e56b11b4bec67509",
        ]
        let bytes = [UInt8](repeating: 0x61, count: count)
        var whole = GitBlobHash(byteCount: count)
        bytes.withUnsafeBytes { whole.add($0) }
        let hash = whole.finish()
        var pieces = GitBlobHash(byteCount: count)
        for byte in bytes { withUnsafeBytes(of: byte) { pieces.add($0) } }
        #expect(pieces.finish() == hash && known[count].map { $0 == hash } ?? false)
    }

    @Test("Cancelling keeps what came, and the next fetch goes on from there") func cancel() throws {
        fixture.server.respond { request, usual in
            var response = usual
            response.step = 1000
            return request.isForContent ? response : nil
        }
        let hub = try fixture.hub()
        var observer = HubObserver()
        let bytes = Mutex(0)
        observer.progress = { progress in bytes.withLock { $0 = progress.bytes } }
        observer.isCancelled = { bytes.withLock { $0 >= 3000 } }
        #expect(throws: HubError.cancelled) { try hub.pull(HubReference("org/tiny"), observer: observer) }
        let blobs = "\(hub.directory)/models--org--tiny/blobs"
        let names = try FilePath.names(in: blobs)
        #expect(names.count == 1 && (3000..<40_000).contains(fixture.bytes("\(blobs)/\(names[0])").count))
        fixture.server.respond(nil)
        #expect(
            try fixture.bytes(hub.pull(HubReference("org/tiny")).path) == fixture.content("tiny-Q4_K_M.gguf"))
        #expect(fixture.server.requests.last?.headers["range"] != nil)
    }

    @Test("Two fetches at once fetch once") func twoAtOnce() async throws {
        fixture.server.respond { request, usual in
            var response = usual
            response.step = 500
            return request.isForContent ? response : nil
        }
        let hub = try fixture.hub()
        let paths = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<3 { group.addTask { try hub.pull(HubReference("org/tiny")).path } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(paths.count == 1)
        #expect(fixture.server.requests.filter(\.isForContent).count == 1)
    }

    @Test("A disk without room is said before anything is fetched") func noSpace() throws {
        let hub = try fixture.hub { $0.freeBytes = { _ in 39_999 } }
        let folder = "\(hub.directory)/models--org--tiny"
        #expect(throws: HubError.noSpace(directory: folder, needed: 40_000, available: 39_999)) {
            try hub.pull(HubReference("org/tiny"))
        }
        #expect(!fixture.server.requests.contains { !$0.isForList })
        #expect(
            try fixture.hub { $0.freeBytes = { _ in 40_000 } }.pull(HubReference("org/tiny")).label
                == "Q4_K_M")
    }

    @Test("Sizes that the list lacks are asked for file by file") func sizesMissing() throws {
        fixture.server.respond { request, usual in
            guard request.isForList else { return nil }
            let names = HubFixture.tiny.files.map { #"{"rfilename": "\#($0.path)"}"# }.joined(separator: ",")
            return .init(body: Array(#"{"sha": "\#(HubFixture.commit)", "siblings": [\#(names)]}"#.utf8))
        }
        let model = try fixture.hub().pull(HubReference("org/tiny"))
        #expect(fixture.bytes(model.path) == fixture.content("tiny-Q4_K_M.gguf"))
        #expect(fixture.server.requests.contains { $0.method == "HEAD" })
    }

    @Test("A newer commit is fetched by name, and the old one stays by its hash") func newer() throws {
        let hub = try fixture.hub()
        let old = try hub.pull(HubReference("org/tiny"))
        var repository = HubFixture.tiny
        repository.commit = String(repeating: "c", count: 40)
        repository.files[0].bytes[0] ^= 1
        fixture.server.replace(repository)
        let new = try hub.pull(HubReference("org/tiny"))
        #expect(try new.path != old.path && hub.cached(HubReference("org/tiny"))?.path == new.path)
        #expect(try hub.cached(HubReference("org/tiny@\(HubFixture.commit)"))?.path == old.path)
        #expect(fixture.bytes(old.path) == fixture.content("tiny-Q4_K_M.gguf"))
    }
}
