import DrafterHeads
import Foundation
import RedrafterCore
import Testing

@Suite struct GuessRankingTests {
    /// A head's most likely rows: probabilities 0.5, 0.25, … of tokens 0, 1, ….
    private static let list = (0..<24).map {
        TokenLogit(token: Int32($0), logit: Float(-Double($0 + 1) * log(2)))
    }

    private func sampling(minP: Float, temperature: Float = 0.7) -> SamplingParameters {
        var sampling = SamplingParameters()
        (sampling.temperature, sampling.minP, sampling.seed) = (temperature, minP, 7)
        return sampling
    }

    @Test("Greedy guesses are the head's own, in its order")
    func greedy() {
        let ranking = GuessRanking(.greedy, draftVocabulary: [9, 8, 7] + (0..<30).map { 100 + $0 })
        let guesses = ranking.guesses(Self.list, position: 5)
        #expect(guesses.map(\.token).prefix(4) == [9, 8, 7, 100])
        #expect(guesses.map(\.logAcceptance) == Self.list.map(\.logit))
        #expect(ranking.candidates(forGuesses: 8, vocabularySize: 8192) == 8)
    }

    @Test("What the sampler's min-p would drop is no guess, however lucky its noise")
    func filtered() {
        let ranking = GuessRanking(sampling(minP: 0.05), draftVocabulary: nil)
        let all = GuessRanking(sampling(minP: 0), draftVocabulary: nil)
        var lucky = 0
        for position in 0..<200 {
            let guesses = ranking.guesses(Self.list, position: position)
            // Half of min-p: a 40th of the most likely one, so that 0.5 / 2^5 stays and 0.5 / 2^6 goes.
            #expect(Set(guesses.map(\.token)) == Set(0...5))
            #expect(abs(guesses.reduce(0) { $0 + exp(Double($1.logAcceptance)) } - 1) < 1e-5)
            let best = all.guesses(Self.list, position: position)[0].token
            if best > 5 { lucky += 1 } else { #expect(guesses[0].token == best) }
        }
        #expect(lucky > 0, "noise lifts an unlikely token where nothing is dropped")
    }

    @Test("A head's list is no longer than filters leave it")
    func candidates() {
        func wanted(_ sampling: SamplingParameters) -> Int {
            GuessRanking(sampling, draftVocabulary: nil).candidates(forGuesses: 8, vocabularySize: 8192)
        }
        var topK = sampling(minP: 0.05)
        topK.topK = 10
        let unfiltered = wanted(sampling(minP: 0))
        #expect(wanted(sampling(minP: 0.05)) < unfiltered)
        #expect(wanted(topK) == 10)
        topK.topK = 2
        #expect(wanted(topK) == 8, "as many as are asked for")
    }
}
