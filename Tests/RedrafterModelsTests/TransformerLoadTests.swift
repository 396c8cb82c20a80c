import RedrafterCore
import RedrafterModels
import RedrafterTesting
import Testing

@Suite struct TransformerLoadTests {
    @Test("A tied head is the embedding itself, and every weight is released once")
    func tiedHead() throws {
        let toy = ToyTransformer()
        let released = Counter()
        var steps = [Double]()
        let weights = try TransformerWeights.load(
            toy.configuration, from: counting(toy.source, released), on: ReferenceBackend(),
            progress: { steps.append($0) })
        #expect(weights.head === weights.embedding)
        #expect(released.value == toy.configuration.weightRoles.count)
        #expect(steps.last == 1)
        #expect(steps == steps.sorted())
    }

    @Test("Missing and misshapen weights are named")
    func wrongWeights() throws {
        let toy = ToyTransformer()
        let source = toy.source
        let role = WeightRole.layer(1, .down)
        #expect(throws: TransformerError.missingWeight("down of layer 1")) {
            try load(toy) { $0 == role ? nil : source($0) }
        }
        #expect(
            throws: TransformerError.wrongShape(
                weight: "down of layer 1", got: [96, 64], expected: [64, 96])
        ) {
            try load(toy) { $0 == role ? changed(source($0)) { ($0.type, [96, 64], $0.bytes) } : source($0) }
        }
        #expect(
            throws: TransformerError.wrongByteCount(weight: "down of layer 1", got: 24572, expected: 24576)
        ) {
            try load(toy) {
                $0 == role
                    ? changed(source($0)) {
                        ($0.type, $0.shape, UnsafeRawBufferPointer(rebasing: $0.bytes.dropLast(4)))
                    }
                    : source($0)
            }
        }
    }

    @Test("The plan counts weights, cache and activations")
    func memoryPlan() throws {
        let toy = ToyTransformer()
        let plan = try MemoryPlan(
            toy.configuration, from: toy.source, contextLength: 96, maximumRows: 64, on: ReferenceBackend())
        let elements = toy.configuration.weightRoles.reduce(0) {
            $0 + toy.configuration.shape(of: $1).reduce(1, *)
        }
        #expect(plan.weights.value == elements * 4)
        #expect(plan.cache.value == 2 * 2 * 2 * 2 * 16 * (96 + 64))
        #expect(try #require(plan.activations.value) > 64 * 64 * 4)
        #expect(try #require(plan.total.value) > elements * 4)
        try plan.requireAvailable(on: ReferenceBackend())
    }

    @Test("A context that no memory can hold is refused with both numbers", arguments: [1 << 50, Int.max])
    func tooLarge(contextLength: Int) throws {
        let toy = ToyTransformer()
        let plan = try MemoryPlan(
            toy.configuration, from: toy.source, contextLength: contextLength, on: ReferenceBackend())
        #expect {
            try plan.requireAvailable(on: ReferenceBackend())
        } throws: { error in
            guard case .backend(.outOfMemory(let needed, let available, _)) = error as? TransformerError
            else { return false }
            return needed > available && available > 0
        }
    }

    @Test("Rotary frequencies follow the scaling")
    func rotaryScaling() {
        var configuration = ToyTransformer().configuration
        configuration.rotaryDimension = 8
        #expect(close(configuration, [1, 0.1, 0.01, 0.001]))
        configuration.rotaryScaling = .linear(factor: 4)
        #expect(close(configuration, [0.25, 0.025, 0.0025, 0.00025]))
        configuration.rotaryScaling = .divisors([1, 2, 4, 8])
        #expect(close(configuration, [1, 0.05, 0.0025, 0.000125]))
        // Wave lengths 6.3, 63, 628 and 6283 of an original context of 1000: kept, between, stretched, stretched.
        configuration.rotaryScaling = .llama3(
            factor: 8, lowFrequency: 2, highFrequency: 40, originalContext: 1000)
        let smooth = (1000 / (2 * Double.pi / 0.1) - 2) / 38
        #expect(close(configuration, [1, (1 - smooth) * 0.1 / 8 + smooth * 0.1, 0.01 / 8, 0.001 / 8]))
    }

    private func close(_ configuration: ModelConfiguration, _ expected: [Double]) -> Bool {
        zip(configuration.rotaryFrequencies, expected).allSatisfy { abs($0 - $1) <= 1e-12 }
    }

    private func load(_ toy: ToyTransformer, _ source: @escaping WeightSource) throws {
        _ = try TransformerWeights.load(toy.configuration, from: source, on: ReferenceBackend())
    }

    private func changed(
        _ weight: StoredWeight?, _ change: (StoredWeight) -> (WeightType, [Int], UnsafeRawBufferPointer)
    ) -> StoredWeight? {
        weight.map {
            let (type, shape, bytes) = change($0)
            return StoredWeight(name: $0.name, type: type, shape: shape, bytes: bytes)
        }
    }

    private func counting(_ source: @escaping WeightSource, _ counter: Counter) -> WeightSource {
        { role in
            source(role).map { weight in
                StoredWeight(
                    name: weight.name, type: weight.type, shape: weight.shape, bytes: weight.bytes,
                    release: { counter.value += 1 })
            }
        }
    }
}

private final class Counter {
    var value = 0
}
