import CVulkan
import Foundation
import Testing

@testable import VulkanBackend

@Suite("The shaders")
struct ShaderTests {
    private var directory: URL {
        URL(filePath: #filePath).deletingLastPathComponent().appending(
            path: "../../Plugins/Backends/Vulkan/CVulkan/Shaders")
    }

    /// The checksum of POSIX's `cksum`.
    private func checksum(_ bytes: Data) -> UInt32 {
        var crc: UInt32 = 0
        func add(_ byte: UInt8) {
            crc ^= UInt32(byte) << 24
            for _ in 0..<8 { crc = crc & 0x8000_0000 == 0 ? crc << 1 : crc << 1 ^ 0x04c1_1db7 }
        }
        for byte in bytes { add(byte) }
        var length = bytes.count
        while length > 0 {
            add(UInt8(length & 255))
            length >>= 8
        }
        return ~crc
    }

    @Test("The embedded SPIR-V was made from the sources as they are; else run `make shaders`")
    func current() throws {
        var count = 0
        let recorded = try #require(rdv_shader_sources(&count))
        let lines = String(decoding: UnsafeRawBufferPointer(start: recorded, count: count), as: UTF8.self)
            .split(separator: "\n").map(String.init).sorted()
        let files = try FileManager.default.contentsOfDirectory(atPath: directory.path)
        let sources = files.filter { $0.hasSuffix(".comp") || $0.hasSuffix(".glsl") }
        let expected = try sources.map { name in
            let bytes = try Data(contentsOf: directory.appending(path: name))
            return "\(checksum(bytes)) \(bytes.count) \(name)"
        }
        #expect(lines == expected.sorted())
    }

    @Test("Every shader is embedded, as SPIR-V of version 1.5")
    func embedded() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: directory.path)
        for name in files where name.hasSuffix(".comp") {
            let shader = try #require(Shader(rawValue: String(name.dropLast(5))))
            var bytes = 0
            let words = try #require(rdv_shader_words(shader.rawValue, &bytes))
            #expect(bytes % 4 == 0 && words[0] == 0x0723_0203 && words[1] == 0x0001_0500)
        }
        #expect(rdv_shader_words("none", nil) == nil)
    }
}
