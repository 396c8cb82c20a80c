import Foundation
import RedrafterCore
import RedrafterTesting
import Testing

@testable import VulkanBackend

@Suite("Compiled pipelines on disk", .enabled(if: hasDevice, needsDevice), .serialized)
struct PipelineCacheTests {
    private func backend(_ directory: String) throws -> VulkanBackend {
        var options = options()
        options.pipelineCache = .directory(directory)
        return try ownDevice(options)
    }

    private func file(_ directory: String) throws -> PipelineCacheFile {
        let device = try VulkanDeviceDescription.choose(nil, from: VulkanDeviceDescription.all())
        return try #require(PipelineCacheFile(.directory(directory), device))
    }

    /// What a first process leaves in a directory.
    private func filled(_ directory: String) throws -> (file: PipelineCacheFile, product: [Float]) {
        let product = try backend(directory).product(.q4_1, rows: 2, columns: 64, outputs: 40)
        return (try file(directory), product)
    }

    @Test("A second backend reads what the first one wrote")
    func roundTrip() throws {
        let temporary = TemporaryDirectory()
        let directory = temporary.path
        let (file, product) = try filled(directory + "/made/for/it")
        let bytes = try #require(file.contents()).count
        let second = try backend(directory + "/made/for/it")
        #expect(second.device.open.loadedCacheBytes == bytes)
        #expect(try second.product(.q4_1, rows: 2, columns: 64, outputs: 40) == product)
        // One file, nothing left beside it.
        #expect(try FileManager.default.contentsOfDirectory(atPath: file.directory) == [file.name])
        withExtendedLifetime(temporary) {}
    }

    @Test("A damaged, short, long or foreign file is passed over, and replaced")
    func damage() throws {
        let temporary = TemporaryDirectory()
        let directory = temporary.path
        let (file, product) = try filled(directory)
        let whole = try Data(contentsOf: URL(fileURLWithPath: file.path))
        var damaged = [Data(), Data(whole.prefix(10)), Data(whole.prefix(whole.count - 1)), whole + [0]]
        for place in [0, 9, 17, 24, whole.count / 2, whole.count - 1] {
            var copy = whole
            copy[place] ^= 4
            damaged.append(copy)
        }
        for data in damaged {
            try data.write(to: URL(fileURLWithPath: file.path))
            #expect(file.contents() == nil)
            let backend = try backend(directory)
            #expect(backend.device.open.loadedCacheBytes == 0)
            #expect(try backend.product(.q4_1, rows: 2, columns: 64, outputs: 40) == product)
        }
        // Right in itself, but of another driver: its header names another device.
        var foreign = [UInt8](whole.dropFirst(24))
        foreign[8] ^= 1
        file.replace(with: foreign)
        #expect(file.contents() == foreign)
        #expect(try backend(directory).device.open.loadedCacheBytes == 0)
        withExtendedLifetime(temporary) {}
    }

    @Test("A directory that cannot be written, or that is a file, does no harm")
    func unwritable() throws {
        let temporary = TemporaryDirectory()
        let directory = temporary.path
        try Data("x".utf8).write(to: URL(fileURLWithPath: directory + "/file"))
        for place in [directory + "/file", "/proc/redrafter", "/dev/null/redrafter"] {
            let backend = try backend(place)
            #expect(backend.device.open.loadedCacheBytes == 0)
            _ = try backend.product(.q8_0, rows: 1, columns: 32, outputs: 8)
        }
        withExtendedLifetime(temporary) {}
    }
}
