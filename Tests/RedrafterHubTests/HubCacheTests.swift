import RedrafterFormats
import RedrafterPlatform
import RedrafterTesting
import Testing

@testable import RedrafterHub

@Suite("The cache of Hugging Face's programs") struct HubCacheTests {
    private let fixture = HubFixture()
    private var cache: String { fixture.directory.file("hub") }
    private var home: String { "\(cache)/models--org--name" }
    private var snapshot: String { "\(home)/snapshots/\(HubFixture.commit)" }

    /// Writes what Python would have written: a file, its blob and the link between them.
    private func put(_ path: String, blob: String? = nil, isShared: Bool = false) {
        let name = SHA256.hexadecimal(HubFixture.content(path))
        let depth = path.split(separator: "/").count
        fixture.makeDirectories("\(home)/blobs")
        fixture.makeDirectories("\(home)/refs")
        fixture.write(Array(HubFixture.commit.utf8), "\(home)/refs/main")
        fixture.makeDirectories(FilePath.directory(of: "\(snapshot)/\(path)"))
        let blob = blob ?? "\(home)/blobs/\(name)"
        if isShared {
            let store = "\(cache)/blobs/\(name.prefix(2))"
            fixture.makeDirectories(store)
            fixture.write(HubFixture.content(path), "\(store)/\(name)")
            #expect(symlink("../../blobs/\(name.prefix(2))/\(name)", blob) == 0)
        } else {
            fixture.write(HubFixture.content(path), blob)
        }
        #expect(
            symlink(String(repeating: "../", count: depth + 1) + "blobs/\(name)", "\(snapshot)/\(path)") == 0)
    }

    private func cached(_ name: String) throws -> HubModel? { try fixture.hub().cached(HubReference(name)) }

    @Test(
        "What Python has fetched is found, also where its blobs are shared between models",
        arguments: [true, false])
    func python(isShared: Bool) throws {
        put("sub/name-Q8_0.gguf", isShared: isShared)
        #expect(try cached("org/name")?.path == "\(snapshot)/sub/name-Q8_0.gguf")
        #expect(try cached("org/name:Q8_0@\(HubFixture.commit)")?.label == "Q8_0")
        #expect(
            try cached("org/name:Q4_0") == nil && cached("org/other") == nil && cached("org/name@v2") == nil)
        #expect(fixture.server.requests.isEmpty)
    }

    @Test("A folder of which Python needed a part only is fetched as a whole") func partialFolder() throws {
        for path in ["config.json", "model-00001-of-00002.safetensors"] { put(path) }
        #expect(try cached("org/name") == nil)
        put("model-00002-of-00002.safetensors")
        #expect(try cached("org/name") == nil)
        put("tokenizer.json")
        #expect(try cached("org/name")?.path == snapshot)
    }

    @Test("Links out of the cache, broken links and other things than files are no models") func links()
        throws
    {
        put("name-Q8_0.gguf")
        let path = "\(snapshot)/name-Q8_0.gguf"
        for target in ["/etc/passwd", "../../blobs/missing", "/dev/zero", snapshot] {
            unlink(path)
            #expect(symlink(target, path) == 0)
            #expect(try cached("org/name") == nil, "\(target)")
        }
        fixture.write(Array("../../../evil".utf8), "\(home)/refs/main")
        #expect(try cached("org/name") == nil)
    }

    @Test("The list names every model with what -m takes for it") func list() throws {
        put("name-Q8_0.gguf")
        put("other-Q8_0.gguf")
        put("name-Q4_0.gguf")
        put("big-BF16-00001-of-00002.gguf")
        for path in ["config.json", "tokenizer.json", "model.safetensors"] { put(path) }
        let models = try fixture.hub().models()
        #expect(
            models.map(\.name) == [
                "hf:org/name:BF16", "hf:org/name:Q4_0", "hf:org/name/name-Q8_0.gguf",
                "hf:org/name/other-Q8_0.gguf",
                "hf:org/name",
            ])
        #expect(models.map(\.isComplete) == [false, true, true, true, true])
        #expect(models.map(\.format) == ["gguf", "gguf", "gguf", "gguf", "safetensors"])
        #expect(models[1].byteCount == 40_000 && models[4].byteCount == 40_200 && models[4].fileCount == 3)
        for model in models.dropFirst().dropLast() { #expect(try cached(model.name)?.path == model.path) }
    }

    @Test("What an interrupted fetch left is in the list") func interrupted() throws {
        fixture.makeDirectories("\(home)/blobs")
        fixture.write([1, 2, 3], "\(home)/blobs/\(HubFixture.commit).incomplete")
        let models = try fixture.hub().models()
        #expect(models.map(\.name) == ["hf:org/name"] && !models[0].isComplete && models[0].byteCount == 3)
    }

    @Test("A folder of plain files lists its GGUF models") func folder() {
        for name in ["a-Q4_1.gguf", "b.gguf", "c-F16-00001-of-00002.gguf", "d.txt"] {
            fixture.write([1], fixture.directory.file(name))
        }
        let models = CachedModel.models(in: fixture.directory.path)
        #expect(
            models.map(\.name)
                == ["a-Q4_1.gguf", "b.gguf", "c-F16-00001-of-00002.gguf"].map(fixture.directory.file))
        #expect(models.map(\.isComplete) == [true, true, false] && models[0].quantization == "Q4_1")
        #expect(CachedModel.models(in: "/nonexistent").isEmpty)
    }
}
