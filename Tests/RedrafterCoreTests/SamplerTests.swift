import RedrafterCore
import RedrafterPlatform
import Testing

@Suite struct SamplerTests {
    @Test("Samples follow the exact distribution", arguments: [UInt64(0), 1, .max])
    func chiSquare(seed: UInt64) throws {
        let logits: [Float] = (0..<16).map { Float($0 * 7 % 16) * 0.3 }
        let sampler = try sampler {
            $0.temperature = 1.3; $0.topK = 12; $0.topP = 0.97; $0.minP = 0.02; $0.seed = seed
        }
        let expected = try sampler.distribution(logits)
        let draws = 60_000
        var counts = [Int32: Int]()
        for position in 0..<draws { counts[try sampler.sample(logits, position: position), default: 0] += 1 }
        #expect(Set(counts.keys).isSubset(of: Set(expected.map(\.token))))
        let statistic = expected.reduce(0.0) {
            let mean = $1.probability * Double(draws)
            return $0 + (Double(counts[$1.token] ?? 0) - mean) * (Double(counts[$1.token] ?? 0) - mean) / mean
        }
        // The 1 − 10⁻⁴ quantile of χ² with 11 degrees of freedom is 37.4; fewer tokens have a smaller one.
        #expect(statistic < 37.4, "\(expected.count) tokens")
    }

    @Test("Log-probabilities are the softmax of the logits as they are, best first, equal ones by id")
    func logProbabilities() throws {
        let logits: [Float] = [1, 3, -2, 3, -.infinity, 0.5]
        let sum = logits.reduce(0) { $0 + exp(Double($1)) }
        let got = logits.withUnsafeBufferPointer { TokenLogProbabilities(2, top: 4, of: $0) }
        #expect(got.token == 2 && abs(got.logProbability - (-2 - log(sum))) < 1e-12)
        #expect(got.top.map(\.token) == [1, 3, 0, 5])
        for entry in got.top {
            #expect(abs(entry.logProbability - (Double(logits[Int(entry.token)]) - log(sum))) < 1e-12)
        }
        let impossible = logits.withUnsafeBufferPointer { TokenLogProbabilities(4, top: 0, of: $0) }
        #expect(impossible.logProbability == -.infinity && impossible.top.isEmpty)
    }

    @Test("A bias makes a token come, or keeps it away, before penalties and filters")
    func bias() throws {
        let logits: [Float] = [1, 3, 2, 0]
        func greedy(_ bias: [Int32: Float], penalty: Float = 1) throws -> Int32 {
            let sampler = try sampler {
                $0.temperature = 0; $0.logitBias = bias; $0.repeatPenalty = penalty
            }
            return try sampler.sample(logits, position: 1, history: [0])
        }
        #expect(try greedy([:]) == 1)
        #expect(try greedy([1: -100]) == 2)
        #expect(try greedy([3: 3.5]) == 3)
        // Biased first, then penalised: (1 + 3) / 2 is less than 3.
        #expect(try greedy([0: 3]) == 0 && greedy([0: 3], penalty: 2) == 1)
        #expect(throws: ParameterError.self) { try greedy([4: 1]) }
        #expect(throws: ParameterError.self) { try greedy([0: 101]) }
        #expect(throws: ParameterError.self) { try greedy([0: .nan]) }
    }

    @Test("Tokens at neighbouring positions are independent")
    func independence() throws {
        let sampler = try sampler {
            $0.temperature = 1; $0.topK = 0; $0.topP = 1; $0.minP = 0
        }
        let logits: [Float] = [0, 0, 0, 0]
        var pairs = [Int](repeating: 0, count: 16)
        let draws = 48_000
        for position in 0..<draws {
            let first = try sampler.sample(logits, position: position)
            let second = try sampler.sample(logits, position: position + 1)
            pairs[Int(first) * 4 + Int(second)] += 1
        }
        let mean = Double(draws) / 16
        #expect(pairs.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) / mean } < 44.3)
    }

    @Test("The token is the argmax of logit over temperature plus noise, over the whole vocabulary")
    func gumbelMax() throws {
        let logits = randomLogits(3000, seed: 5)
        let sampler = try sampler {
            $0.temperature = 0.7; $0.topK = 0; $0.topP = 1; $0.minP = 0; $0.seed = 99
        }
        for position in 0..<50 {
            let noise = GumbelNoise(seed: 99, position: position)
            let scores = logits.indices.map { Double(logits[$0]) / Double(Float(0.7)) + noise(Int32($0)) }
            let best = scores.indices.reduce(0) { scores[$1] > scores[$0] ? $1 : $0 }
            #expect(try sampler.sample(logits, position: position) == Int32(best))
        }
    }

    @Test("Noise stays within the bound that skips tokens, and is finite")
    func noiseBound() {
        let noise = GumbelNoise(seed: 3, position: 7)
        let values = (0..<100_000).map { noise(Int32($0)) }
        #expect(values.allSatisfy { $0.isFinite && $0 > -4 && $0 < 37.5 })
        let mean = values.reduce(0, +) / Double(values.count)
        #expect(abs(mean - 0.5772) < 0.02)  // the Euler–Mascheroni constant; standard error 0.004
        #expect(noise(17) == GumbelNoise(seed: 3, position: 7)(17))
        #expect(noise(17) != GumbelNoise(seed: 3, position: 8)(17))
        #expect(noise(17) != GumbelNoise(seed: 4, position: 7)(17))
    }

    @Test("Filters keep what simple implementations keep", arguments: 0..<40)
    func filters(round: Int) throws {
        var random = Numbers(state: UInt64(round))
        // Values on a grid, so that equal logits occur.
        let logits = (0..<200).map { _ in Float(Int(random.next() % 64)) / 4 - 8 }
        let history = (0..<30).map { _ in Int32(random.next() % 200) }
        let sampler = try sampler {
            $0.temperature = 0.8
            $0.topK = [0, 1, 5, 40, 199, 200, 1000][round % 7]
            $0.topP = [1, 0.95, 0.5, 1e-9][round % 4]
            $0.minP = [0, 0.05, 0.9, 1][round / 2 % 4]
            $0.repeatPenalty = [1, 1.3, 0.8][round % 3]
            $0.presencePenalty = [0, 0.5][round % 2]
            $0.frequencyPenalty = [0, 0.25, -0.5][round / 3 % 3]
            $0.repeatLastN = [0, 8, 64, -1][round / 5 % 4]
        }
        let kept = try sampler.distribution(logits, history: history[...])
        let expected = reference(logits, history, sampler.parameters)
        #expect(kept.map(\.token).sorted() == expected.map(\.token).sorted())
        #expect(abs(kept.reduce(0) { $0 + $1.probability } - 1) < 1e-9)
        for entry in kept {
            let other = try #require(expected.first { $0.token == entry.token })
            #expect(abs(entry.probability - other.probability) < 1e-9)
        }
    }

    @Test("Greedy takes the largest logit after penalties, the lowest id among equals")
    func greedy() throws {
        #expect(try sampler { _ in }.sample([1, 5, 5, 2], position: 0) == 1)
        #expect(try sampler { $0.repeatPenalty = 2 }.sample([1, 5, 5, 2], position: 0, history: [1]) == 2)
        #expect(
            try sampler { $0.presencePenalty = 4 }.sample([1, 5, 5, 2], position: 0, history: [1, 2]) == 3)
        #expect(
            try sampler {
                $0.topK = 1; $0.temperature = 5
            }.sample([1, 5, 5, 2], position: 0) == 1)
    }

    @Test("Only recent tokens are penalised")
    func recentTokens() throws {
        let sampler = try sampler {
            $0.presencePenalty = 100; $0.repeatLastN = 2
        }
        #expect(try sampler.sample([9, 8, 7, 6], position: 0, history: [0, 1, 2]) == 0)
        #expect(try sampler.sample([9, 8, 7, 6], position: 0, history: [2, 0, 1]) == 2)
    }

    @Test("Padding of the head is never chosen")
    func padding() throws {
        let sampler = try Sampler(SamplingParameters.greedy, tokenCount: 3)
        #expect(try [1, 3, 2, 100, 200].withUnsafeBufferPointer { try sampler.sample($0, position: 0) } == 1)
    }

    @Test("NaN, +infinity and rows of −infinity are errors wherever they are", arguments: [0, 100, 199])
    func nonFinite(index: Int) throws {
        for parameters in [SamplingParameters.greedy, hot] {
            let sampler = try Sampler(parameters, tokenCount: 200)
            for damage in [Float.nan, .infinity] {
                var logits = randomLogits(200, seed: 1)
                logits[index] = damage
                #expect(throws: BackendError.nonFinite(what: "the logits")) {
                    try logits.withUnsafeBufferPointer { try sampler.sample($0, position: 0) }
                }
            }
            for damage in [Float.nan, -.infinity] {
                #expect(throws: BackendError.self) {
                    try [Float](repeating: damage, count: 200).withUnsafeBufferPointer {
                        try sampler.sample($0, position: 0)
                    }
                }
            }
            var logits = [Float](repeating: -.infinity, count: 200)
            logits[index] = -3
            #expect(
                try logits.withUnsafeBufferPointer { try sampler.sample($0, position: 0) } == Int32(index))
        }
    }

    @Test("Extreme logits and parameters leave a finite distribution with a candidate")
    func extremes() throws {
        let rows: [[Float]] = [
            [1e30, -1e30, 1e30, 0], [0, 0, 0, 0], [88.8, 0, 0, 0],
            [.greatestFiniteMagnitude, -.greatestFiniteMagnitude, 0, 1],
        ]
        for logits in rows {
            for temperature in [Float(1e-38), .leastNonzeroMagnitude, 1, 100, .greatestFiniteMagnitude] {
                for topP in [Float(0), 1e-9, .leastNonzeroMagnitude, 0.5, 1] {
                    let sampler = try sampler {
                        $0.temperature = temperature; $0.topP = topP; $0.topK = 0; $0.minP = 0;
                        $0.repeatPenalty = 1e30
                    }
                    let kept = try sampler.distribution(logits, history: [1])
                    #expect(!kept.isEmpty)
                    #expect(kept.allSatisfy { $0.probability.isFinite && $0.probability >= 0 })
                    #expect(abs(kept.reduce(0) { $0 + $1.probability } - 1) < 1e-6)
                    #expect(kept.map(\.token).contains(try sampler.sample(logits, position: 3, history: [1])))
                }
            }
        }
    }

    @Test("Parameters outside their range are named")
    func validation() {
        let cases: [(String, (inout SamplingParameters) -> Void)] = [
            ("temp", { $0.temperature = -1 }), ("temp", { $0.temperature = .nan }),
            ("temp", { $0.temperature = .infinity }),
            ("top-k", { $0.topK = -1 }), ("top-k", { $0.topK = 1_000_000_000 }),
            ("top-p", { $0.topP = -0.1 }),
            ("top-p", { $0.topP = 1.1 }), ("top-p", { $0.topP = .nan }), ("min-p", { $0.minP = -0.1 }),
            ("min-p", { $0.minP = 1.5 }), ("repeat-penalty", { $0.repeatPenalty = 0 }),
            ("repeat-penalty", { $0.repeatPenalty = .infinity }), ("repeat-last-n", { $0.repeatLastN = -2 }),
            ("presence-penalty", { $0.presencePenalty = .nan }),
            ("frequency-penalty", { $0.frequencyPenalty = .infinity }),
        ]
        for (name, change) in cases {
            #expect {
                try sampler(change)
            } throws: { error in
                guard case .outOfRange(let got, _, _) = error as? ParameterError else { return false }
                return got == name
            }
        }
    }
}

private let hot: SamplingParameters = {
    var parameters = SamplingParameters()
    parameters.temperature = 1
    return parameters
}()

private func sampler(_ change: (inout SamplingParameters) -> Void) throws -> TestSampler {
    var parameters = SamplingParameters()
    change(&parameters)
    try parameters.validate()
    return TestSampler(parameters: parameters)
}

/// A sampler for rows of any length.
private struct TestSampler {
    let parameters: SamplingParameters

    func sample(_ logits: [Float], position: Int, history: ArraySlice<Int32> = []) throws -> Int32 {
        let sampler = try Sampler(parameters, tokenCount: logits.count)
        return try logits.withUnsafeBufferPointer {
            try sampler.sample($0, position: position, history: history)
        }
    }

    func distribution(
        _ logits: [Float], history: ArraySlice<Int32> = []
    ) throws -> [(token: Int32, probability: Double)] {
        let sampler = try Sampler(parameters, tokenCount: logits.count)
        return try logits.withUnsafeBufferPointer { try sampler.distribution($0, history: history) }
    }
}

/// The filters in the order and words of their definition, each over the whole list.
private func reference(
    _ logits: [Float], _ history: [Int32], _ parameters: SamplingParameters
) -> [(token: Int32, probability: Double)] {
    var list = logits.enumerated().map { (token: Int32($0), logit: Double($1)) }
    let recent = parameters.repeatLastN < 0 ? history[...] : history.suffix(parameters.repeatLastN)
    for index in list.indices {
        let occurrences = recent.count { $0 == list[index].token }
        guard occurrences > 0 else { continue }
        let penalty = Double(parameters.repeatPenalty)
        list[index].logit = list[index].logit <= 0 ? list[index].logit * penalty : list[index].logit / penalty
        list[index].logit -=
            Double(occurrences) * Double(parameters.frequencyPenalty) + Double(parameters.presencePenalty)
        list[index].logit = Double(Float(list[index].logit))
    }
    list.sort { ($1.logit, $0.token) < ($0.logit, $1.token) }
    if parameters.topK > 0 { list = Array(list.prefix(parameters.topK)) }
    func probabilities(_ temperature: Double) -> [Double] {
        let weights = list.map { exp(($0.logit - list[0].logit) / temperature) }
        return weights.map { $0 / weights.reduce(0, +) }
    }
    if parameters.topP < 1 {
        var sum = 0.0
        let all = probabilities(1)
        let last = all.firstIndex {
            sum += $0; return sum >= Double(parameters.topP)
        }
        list = Array(list[...(last ?? list.count - 1)])
    }
    if parameters.minP > 0 {
        let all = probabilities(1)
        list = zip(list, all).filter { $1 >= Double(parameters.minP) * all[0] * (1 - 1e-12) }.map(\.0)
    }
    return zip(list, probabilities(Double(parameters.temperature))).map { ($0.token, $1) }
}

private func randomLogits(_ count: Int, seed: UInt64) -> [Float] {
    var random = Numbers(state: seed)
    return (0..<count).map { _ in Float(random.next() >> 40) / Float(1 << 24) * 20 - 10 }
}

/// SplitMix64, for inputs.
private struct Numbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
