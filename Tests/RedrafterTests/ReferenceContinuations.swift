import Foundation

/// Greedy continuations of prompts, as the files of Tests/Reference hold them.
struct ReferenceContinuations: Codable {
    struct Continuation: Codable {
        var prompt: [Int32]
        var tokens: [Int32]
        /// How far the two largest logits are apart, for each token.
        var gaps: [Float]?
    }

    var model: String
    var continuations: [Continuation]

    static let folder = #filePath.replacing(
        "RedrafterTests/ReferenceContinuations.swift", with: "Reference/")

    static func read(_ name: String) throws -> ReferenceContinuations {
        try JSONDecoder().decode(Self.self, from: Data(contentsOf: URL(filePath: folder + name)))
    }

    func write(_ name: String) throws {
        try JSONEncoder().encode(self).write(to: URL(filePath: Self.folder + name))
    }
}
