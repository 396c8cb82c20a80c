import RedrafterCore
import RedrafterFormats

/// All parameters of a drafter in memory of their own. `[layout.count]`
///
/// Unchecked Sendable: owns its memory; the training loop that holds it is the only one that writes, between evaluations.
public final class ParameterStore: @unchecked Sendable {
    public let layout: ParameterLayout
    private let memory: AlignedFloats

    /// Zeros.
    public init(_ layout: ParameterLayout) {
        self.layout = layout
        memory = AlignedFloats(count: layout.count)
    }

    /// - Parameters:
    ///   - layout: of the parameters.
    ///   - values: as `TrainableDrafter.initialParameters` returns them. `[layout.count]`
    public convenience init(_ layout: ParameterLayout, values: [Float]) {
        precondition(values.count == layout.count, "parameters of another layout")
        self.init(layout)
        _ = memory.floats.update(fromContentsOf: values)
    }

    /// The values of a drafter's file, decoded where they are quantised.
    /// - Throws: `TrainingError.invalidInput` where the drafter has another configuration.
    public convenience init(_ layout: ParameterLayout, weights: DrafterWeights) throws(TrainingError) {
        guard weights.configuration.isEqual(to: layout.configuration) else {
            throw .invalidInput(
                what: "the drafter in \(TerminalText.escaped(weights.path))", got: "\(weights.configuration)",
                expected: "\(layout.configuration)")
        }
        self.init(layout)
        for entry in layout.entries {
            let target = UnsafeMutableBufferPointer(rebasing: memory.floats[entry.range])
            _ = target.update(fromContentsOf: weights[entry.role].values)
        }
    }

    /// The flat array, valid as long as the store lives.
    public var values: UnsafeMutableBufferPointer<Float> { memory.floats }

    /// A copy of one tensor's elements.
    public subscript(role: DrafterRole) -> [Float] { Array(memory.floats[layout[role].range]) }

    /// Copies of all tensors, for `DrafterWeights`.
    public var tensors: [DrafterTensor] {
        layout.entries.map { entry in
            DrafterTensor(name: entry.name, shape: entry.shape, values: Array(memory.floats[entry.range]))
        }
    }
}
