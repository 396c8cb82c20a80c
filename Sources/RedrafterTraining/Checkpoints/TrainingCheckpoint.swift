import RedrafterFormats

/// All that a training run needs to go on as if it had never stopped.
public struct TrainingCheckpoint: Sendable {
    /// A named array of numbers: a weight, or a moment of the optimiser.
    public struct Tensor: Sendable, Equatable {
        public var name: String
        /// Dimensions, slowest first.
        public var shape: [Int]
        /// As many as the product of `shape`.
        public var values: [Float]

        public init(name: String, shape: [Int], values: [Float]) {
            self.name = name
            self.shape = shape
            self.values = values
        }
    }

    /// Steps of the optimiser that were taken.
    public var step: Int
    /// Weights and moments, bit for bit. Names are unique.
    public var tensors: [Tensor]
    /// Everything else: schedule, place in the data, random state, settings, fingerprints. Integers beyond
    /// `Int` belong into strings; numbers must be finite.
    public var state: JSONValue

    public init(step: Int, tensors: [Tensor], state: JSONValue) {
        self.step = step
        self.tensors = tensors
        self.state = state
    }

    /// - Throws: `TrainingError.nonFinite`, with the first tensor that holds NaN or an infinity.
    func checkFinite() throws(TrainingError) {
        for tensor in tensors {
            let count = tensor.values.reduce(0) { $0 + ($1.isFinite ? 0 : 1) }
            guard count > 0, let index = tensor.values.firstIndex(where: { !$0.isFinite }) else { continue }
            throw .nonFinite(
                step: step, tensor: tensor.name, index: index, value: "\(tensor.values[index])", count: count)
        }
    }
}
