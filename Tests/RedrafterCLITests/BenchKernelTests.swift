import Foundation
import RedrafterTesting
import Testing

/// `bench --kernels` on a model of two layers.
@Suite("Kernel sets in turns")
struct BenchKernelTests {
    private func bench(_ arguments: String) throws -> Run {
        let directory = TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        let model = try ToyModelFile(type: .f32).writeGGUF(to: directory.path)
        return try Run(shell: "\"$R\" bench -m '\(model)' -t 2 -r 3 \(arguments)")
    }

    /// The best set of this processor, which may be the portable one, and the portable one.
    private func sets() throws -> [String] {
        let version = try Run(shell: "\"$R\" --version").output
        let names = try #require(version.split(separator: "\n").last?.dropFirst("kernels: ".count))
        return [try #require(names.split(separator: ",").first.map(String.init)), "portable"]
    }

    @Test(
        "JSON has an object for each test and set, with the speedup over the first set",
        arguments: [true, false])
    func json(isOneArray: Bool) throws {
        let sets = try sets()
        let run = try bench(
            "-p 8 -n 4 --rows 2 --kernels \(sets.joined(separator: ",")) -o \(isOneArray ? "json" : "jsonl")")
        #expect(run.code == 0, "\(run.errors)")
        let lines = run.output.split(separator: "\n").joined(separator: isOneArray ? "\n" : ",")
        let text = isOneArray ? run.output : "[\(lines)]"
        let list = try #require(
            try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
        #expect(list.map { $0["test"] as? String } == ["pp8", "pp8", "tg4", "tg4", "rows2", "rows2"])
        #expect(list.map { $0["kernels"] as? String } == sets + sets + sets)
        for (index, entry) in list.enumerated() {
            let first = try #require(list[index / 2 * 2]["samples_ns"] as? [Double])
            let own = try #require(entry["samples_ns"] as? [Double])
            let ratios = zip(first, own).map { $0 / $1 }.sorted()
            let spread = try #require(entry["speedup_spread"] as? [String: Double])
            #expect(own.count == 3)
            #expect(abs((entry["speedup"] as? Double ?? 0) - ratios[1]) < 1e-9)
            #expect(
                abs((spread["min"] ?? 0) - ratios[0]) < 1e-9 && abs((spread["max"] ?? 0) - ratios[2]) < 1e-9)
        }
    }

    @Test("Rows are timed behind each context, an empty one too; what is no number of tokens is an error")
    func contexts() throws {
        let run = try bench("-p 0 -n 0 --rows 1,2 --rows-context 0,16,256 -o json")
        #expect(run.code == 0, "\(run.errors)")
        let list = try #require(
            try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [[String: Any]])
        #expect(
            list.map { $0["test"] as? String }
                == ["rows1@0", "rows2@0", "rows1@16", "rows2@16", "rows1", "rows2"])
        #expect(list.map { $0["n_depth"] as? Int } == [0, 0, 16, 16, 256, 256])
        for value in ["-1", "x", "", "16,,32", "99999999"] {
            let run = try bench("-p 0 -n 0 --rows 1 --rows-context '\(value)'")
            #expect(run.code == 64 && run.errors.contains("rows-context"), "\(value): \(run.errors)")
        }
    }

    @Test("Tables name the set of each line; one set alone has no speedup")
    func tables() throws {
        for (format, separator) in [("md", "|"), ("csv", ",")] {
            let run = try bench("-p 8 -n 0 --kernels portable,portable -o \(format)")
            #expect(run.code == 0, "\(run.errors)")
            let lines = run.output.split(separator: "\n").filter { $0.contains("pp8") }
            #expect(lines.count == 2 && lines.allSatisfy { $0.contains("cpu (portable)") }, "\(run.output)")
            #expect(lines[0].contains("1.00 ×") && lines[0].contains(separator), "\(run.output)")
            #expect(run.output.split(separator: "\n")[0].contains("speedup"))
        }
        let alone = try bench("-p 8 -n 0 --kernels portable")
        #expect(alone.code == 0 && alone.output.contains("cpu (portable)"), "\(alone.errors)")
        #expect(!alone.output.contains("speedup"))
    }

    @Test("The flag goes before the variable of the environment")
    func precedence() throws {
        let directory = TemporaryDirectory()
        let model = try ToyModelFile(type: .f32).writeGGUF(to: directory.path)
        let run = try Run(
            shell: "\"$R\" bench -m '\(model)' -p 8 -n 0 -r 1 --kernels portable",
            environment: ["REDRAFTER_KERNELS": "nonsense"])
        #expect(run.code == 0 && run.output.contains("cpu (portable)"), "\(run.errors)")
    }
}
