import RecurrentTraining
import RedrafterDistillation
import RedrafterFormats
import RedrafterTesting
import RedrafterTraining
import Testing

/// Outputs of layers that are kept on the disk for later runs.
@Suite struct TapFolderTests {
    private let run: ToyRun

    init() throws {
        run = try ToyRun()
        try run.generate("data", prompts: 100)
    }

    /// The drafter's bytes after some steps that read from a folder.
    private func train(_ name: String, folder: String?, taps: [Int] = [0, 1]) throws -> [UInt8] {
        var settings = ToyRun.trainingSettings
        (settings.taps, settings.iterations, settings.tapCache) = (taps, 6, 0)
        settings.tapFolder = folder.map(run.directory.file)
        let training = try TrainingRun(
            run.model, data: [run.directory.file("data")], output: run.directory.file(name),
            training: RecurrentTrainer.self, settings: settings, resume: false
        ) { _ in }
        let path = try #require(try training.run { _ in })
        return try contents(path)
    }

    private func files(_ folder: String) throws -> [String] {
        try FilePath.names(in: run.directory.file(folder)).flatMap { part in
            try FilePath.names(in: run.directory.file("\(folder)/\(part)")).map {
                run.directory.file("\(folder)/\(part)/\($0)")
            }
        }
    }

    @Test("A run reads what another one has kept, and what it does not believe it computes again")
    func reuse() throws {
        let plain = try train("plain", folder: nil)
        #expect(try train("first", folder: "taps") == plain)
        let paths = try files("taps")
        #expect(paths.count > 5)
        let kept = try paths.map(contents)
        #expect(try train("second", folder: "taps") == plain)
        #expect(try files("taps") == paths)
        // What was kept is read: other values, with their digest, give another drafter.
        for path in paths {
            let values = [UInt8](repeating: 0, count: try contents(path).count - 64)
            try ToyModelFile.write(values + Array(SHA256.hexadecimal(values).utf8), to: path)
        }
        #expect(try train("zeros", folder: "taps") != plain)
        // A flipped bit, a file that ends early and an empty one are computed and written again.
        for (index, path) in paths.enumerated() {
            var bytes = kept[index]
            switch index % 3 {
            case 0: bytes[bytes.count / 3] ^= 4
            case 1: bytes.removeLast(10)
            default: bytes = []
            }
            try ToyModelFile.write(bytes, to: path)
        }
        #expect(try train("damaged", folder: "taps") == plain)
        #expect(try paths.map(contents) == kept)
    }

    @Test("Other layers are kept beside these, and a file in the folder's place is an error that names it")
    func separate() throws {
        let plain = try train("plain", folder: nil, taps: [1])
        _ = try train("both", folder: "taps")
        let count = try files("taps").count
        #expect(try train("one", folder: "taps", taps: [1]) == plain)
        #expect(try files("taps").count == 2 * count)
        try ToyModelFile.write([1], to: run.directory.file("file"))
        let error = #expect(throws: DistillationError.self) { _ = try train("none", folder: "file") }
        #expect(error?.description.contains("file") == true)
    }
}
