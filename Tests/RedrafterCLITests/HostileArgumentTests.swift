import Foundation
import RedrafterTesting
import Testing

@Suite("Arguments and names that were made to do harm") struct HostileArgumentTests {
    private let directory = TemporaryDirectory()

    @Test(
        "A tree that is too large is refused at once, in a line",
        arguments: [
            "[[" + String(repeating: "0,", count: 60_000) + "0]]",
            "[" + (0..<20_000).map { "[\($0 % 1000)]" }.joined(separator: ",") + "]",
            String(repeating: "[", count: 100_000), "[[0" + String(repeating: "0", count: 100_000) + "]]",
        ])
    func largeTree(tree: String) throws {
        try Data(tree.utf8).write(to: URL(filePath: directory.file("tree")))
        let start = ContinuousClock.now
        let run = try Run(
            shell: "\"$R\" generate -p x -m /nonexistent --tree \"$(cat '\(directory.file("tree"))')\"")
        #expect(run.exited && run.code == 64, "\(run.code): \(run.errors)")
        #expect(run.errors.hasPrefix("error: tree") && run.errors.utf8.count < 2000)
        #expect(ContinuousClock.now - start < .seconds(5))
    }
}
