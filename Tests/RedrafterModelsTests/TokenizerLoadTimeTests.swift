import RedrafterFormats
import RedrafterModels
import RedrafterTesting
import Testing

@Suite struct TokenizerLoadTimeTests {
    /// All words of up to three of these letters, each merged from the word before it and a letter.
    private func json(letters count: Int) -> TokenizerJSON {
        let letters = (33...126).map { String(UnicodeScalar(UInt8($0))) }
            .filter { $0 != "\"" && $0 != "\\" }.prefix(count)
        var words = Array(letters)
        var merges = [String]()
        for length in 1...2 {
            for word in words where word.utf8.count == length {
                for letter in letters {
                    words.append(word + letter)
                    merges.append("[\"\(word)\",\"\(letter)\"]")
                }
            }
        }
        var json = TokenizerJSON()
        json.vocabulary = "{" + words.enumerated().map { "\"\($1)\":\($0)" }.joined(separator: ",") + "}"
        json.merges = "[" + merges.joined(separator: ",") + "]"
        json.added = "[]"
        return json
    }

    private func time(_ json: TokenizerJSON) throws -> (bytes: Int, duration: Duration) {
        let text = json.text
        let (tokenizer, duration) = try withProcessorTime { try json.tokenizer() }
        #expect(tokenizer.tokenCount > 1000)
        return (text.utf8.count, duration)
    }

    @Test(
        "A tokenizer.json of 10 MB takes about ten times as long to read as one of 1 MB, and seconds at most")
    func linear() throws {
        let small = json(letters: 36)
        let large = json(letters: 74)
        _ = try time(small)
        let (smallBytes, smallTime) = try time(small)
        let (largeBytes, largeTime) = try time(large)
        #expect(largeBytes > 9_000_000 && smallBytes > 900_000)
        print("tokenizer.json of \(largeBytes) bytes: \(largeTime)")
        // Three times the ratio of sizes and a little: a neighbour on the same core makes every instruction slower.
        let ratio = Double(largeBytes) / Double(smallBytes)
        #expect(largeTime < smallTime * (3 * ratio) + .milliseconds(200))
        #expect(largeTime < .seconds(5))
    }
}
