import HubServer
import RedrafterFormats
import RedrafterPlatform
import RedrafterTesting

@testable import RedrafterHub

/// A hub on loopback with three repositories, and a cache of its own.
struct HubFixture {
    let directory = TemporaryDirectory()
    let server = LocalHub(Self.tiny, Self.folder, Self.parts)

    static let commit = String(repeating: "ab", count: 20)
    static let otherHash = "\"" + String(repeating: "0f", count: 32) + "\""

    static let tiny = LocalHub.Repository(
        name: "org/tiny", commit: commit,
        files: files(["tiny-Q4_K_M.gguf", "README.md", "tiny-F16.gguf", "tiny-Q8_0.gguf", "mmproj-F16.gguf"]))
    static let folder = LocalHub.Repository(
        name: "org/folder", commit: commit,
        files: files([
            "config.json", "README.md", "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json", "pytorch_model.bin", "tokenizer.json", "onnx/model.safetensors",
        ]))
    static let parts = LocalHub.Repository(
        name: "org/parts", commit: commit,
        files: files((1...3).map { "BF16/big-BF16-0000\($0)-of-00003.gguf" }))

    private static func files(_ names: [String]) -> [(path: String, bytes: [UInt8])] {
        names.map { ($0, content($0)) }
    }

    /// The content of a file: weights are long and differ from each other, the rest is short.
    static func content(_ path: String) -> [UInt8] {
        var state = path.utf8.reduce(UInt64(1)) { $0 &* 131 &+ UInt64($1) }
        let isLarge = path.hasSuffix(".gguf") || path.hasSuffix(".safetensors")
        return (0..<(isLarge ? 40_000 : 100)).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 40)
        }
    }

    func content(_ path: String) -> [UInt8] { Self.content(path) }

    func hub(_ change: (inout HubSettings) -> Void = { _ in }) throws -> Hub {
        var settings = HubSettings()
        settings.endpoint = server.endpoint
        settings.cacheDirectory = directory.file("hub")
        settings.retries.firstPause = .milliseconds(1)
        settings.retries.longestPause = .milliseconds(2)
        change(&settings)
        return try Hub(settings)
    }

    func bytes(_ path: String) -> [UInt8] {
        do {
            let file = try MappedFile(path: path)
            return Array(file.bytes)
        } catch {
            return Array("\(error)".utf8)
        }
    }

    func write(_ bytes: [UInt8], _ path: String) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        precondition(descriptor >= 0 && bytes.withUnsafeBytes { systemWrite(descriptor, $0) } == bytes.count)
        close(descriptor)
    }

    func makeDirectories(_ path: String) {
        var place = ""
        for part in path.split(separator: "/") {
            place += "/\(part)"
            mkdir(place, 0o755)
        }
    }

    /// What a symbolic link says; nil for other files.
    func link(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &buffer, buffer.count)
        return count < 0
            ? nil : String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(descriptor, bytes.baseAddress, bytes.count)
}
