import RedrafterCore
import RedrafterTesting
import Testing

@Suite struct TextIndexTests {
    private struct Match: Hashable {
        var token: Int32
        var length: Int
    }

    private func matches(_ index: TextIndex, _ path: [Int32], lengths: Int) -> [Match] {
        var result = [Match]()
        index.forEachMatch(after: path, lengths: lengths) { result.append(Match(token: $0, length: $1)) }
        return result
    }

    /// The definition, place by place.
    private func expected(_ text: [Int32], lengths: Int) -> [Match] {
        guard let last = text.last else { return [] }
        let places = text.indices.dropLast().reversed().filter { text[$0] == last }
        return places.prefix(TextIndex.places).map { place in
            var length = 1
            while length < lengths, length <= place, text[place - length] == text[text.count - 1 - length] {
                length += 1
            }
            return Match(token: text[place + 1], length: length)
        }
    }

    @Test("Matches are those of the definition, wherever the text ends and the path begins")
    func definition() {
        var random = SeededRandom(seed: 2)
        for _ in 0..<60 {
            let count = Int.random(in: 0...250, using: &random)
            let text = (0..<count).map { _ in Int32.random(in: 0..<3, using: &random) }
            let cut = Int.random(in: 0...count, using: &random)
            var index = TextIndex()
            index.follow(Array(text[..<cut]))
            for lengths in [1, 2, 8] {
                #expect(
                    matches(index, Array(text[cut...]), lengths: lengths) == expected(text, lengths: lengths))
            }
        }
    }

    @Test("A text that grows, shrinks or changes is followed")
    func rewinding() {
        var index = TextIndex()
        for text in [[1, 2, 1, 3, 1], [1, 2, 1, 3, 1, 2], [1, 2, 1], [], [1, 3, 1], [4, 3, 1, 5, 3, 1]]
            as [[Int32]]
        {
            index.follow(text)
            #expect(index.tokens == text)
            #expect(matches(index, [], lengths: 4) == expected(text, lengths: 4))
        }
    }
}
