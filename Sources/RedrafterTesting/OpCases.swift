import RedrafterCore

/// One operation on seeded inputs of stated shapes: run on two backends it compares them, run on some of its rows it
/// checks row invariance.
public struct OpCase: Sendable, CustomStringConvertible {
    /// Operation, weight type and shapes, for messages.
    public let description: String
    /// The weight type it needs, with the operation to ask support for.
    public let requirement: (operation: BackendOperation, type: WeightType)?
    public let rows: Int
    /// Largest allowed Σ(got − expected)² / Σ expected² against the reference backend.
    public let tolerance: Double
    /// Makes weights and inputs on a backend once; the function computes the results of the rows asked for, with no
    /// other rows than those they depend on. `[rows asked for]`
    public let prepare: @Sendable (any ComputeBackend) throws(BackendError) -> Evaluation
    /// Results of all rows on the reference backend, once for all backends.
    private let reference = Once<[[Float]]>()

    /// From rows to their results.
    public typealias Evaluation = ([Int]) throws(BackendError) -> [[Float]]

    /// A case of one's own; see the properties.
    public init(
        description: String, requirement: (operation: BackendOperation, type: WeightType)?, rows: Int,
        tolerance: Double,
        prepare: @escaping @Sendable (any ComputeBackend) throws(BackendError) -> Evaluation
    ) {
        self.description = description
        self.requirement = requirement
        self.rows = rows
        self.tolerance = tolerance
        self.prepare = prepare
    }

    /// Results of all rows on the reference backend.
    func expected() throws(BackendError) -> [[Float]] {
        try reference.value { () throws(BackendError) in
            try prepare(ReferenceBackend())(Array(0..<rows))
        }
    }
}

/// The op cases every backend has to pass.
public enum OpCases {
    /// Int8 activations in blocks of 32 cost about 3.5e-5; float weights only pay for the order of sums.
    static func linearTolerance(_ type: WeightType) -> Double { type.isFloat ? 1e-10 : 2e-4 }

    /// All cases: every weight type through `embed`, `linear` and `gatedLinear`, then the operations without weights.
    public static let all: [OpCase] =
        WeightType.allCases.flatMap { type in
            let widths = type.blockLength == 256 ? [256, 768] : [64, 576]
            return [embed(type, columns: widths[1])]
                + widths.flatMap { width in
                    [
                        linear(type, rows: 64, columns: width, outputs: [48]),
                        linear(type, rows: 33, columns: width, outputs: [97]),
                    ]
                }
                + [
                    linear(type, rows: 130, columns: widths[0], outputs: [64]),
                    linear(type, rows: 17, columns: widths[0], outputs: [64, 32, 32], hasBias: true),
                    linear(type, rows: 20, columns: widths[1], outputs: [64], accumulate: true),
                    gatedLinear(type, rows: 64, columns: widths[0], outputs: 80),
                    gatedLinear(type, rows: 9, columns: widths[1], outputs: 96),
                ]
        } + [
            rmsNorm(rows: 64, columns: 576), rmsNorm(rows: 3, columns: 64),
            gatherRows(rows: 40, columns: 576), scale(rows: 30, columns: 70), softcap(rows: 30, columns: 70),
        ]
        + GateActivation.allCases.flatMap { activation in
            [WeightType.f32, .bf16].map { gatedUnit(activation, up: $0, rows: 64, outputs: 160) }
        } + headCases + AttentionCase.all.map(\.opCase)

    static func embed(_ type: WeightType, columns: Int) -> OpCase {
        let vocabulary = 50
        return OpCase(
            description: "embed \(type.name) [\(vocabulary), \(columns)]", requirement: (.embedding, type),
            rows: 64, tolerance: 1e-12
        ) { backend throws(BackendError) in
            var inputs = Inputs(seed: 1)
            let table = try inputs.weight(type, vocabulary, columns, on: backend)
            let stream = backend.makeStream()
            return { rows throws(BackendError) in
                let output = try backend.makeTensor(rows: rows.count, columns: columns)
                stream.embed(tokens: rows.map { Int32($0 * 7 % vocabulary) }, table: table, into: output)
                return try stream.rows(of: output)
            }
        }
    }

    static func linear(
        _ type: WeightType, rows: Int, columns: Int, outputs: [Int], hasBias: Bool = false,
        accumulate: Bool = false
    ) -> OpCase {
        let extras = (hasBias ? " + bias" : "") + (accumulate ? ", accumulate" : "")
        return OpCase(
            description: "linear \(type.name) [\(rows), \(columns)] · \(outputs)ᵀ\(extras)",
            requirement: (.linear, type), rows: rows, tolerance: linearTolerance(type)
        ) { backend throws(BackendError) in
            var inputs = Inputs(seed: 2)
            let input = inputs.matrix(rows, columns)
            var weights = [any WeightHandle]()
            var biases = [Tensor?]()
            var before = [Matrix]()
            for count in outputs {
                weights.append(try inputs.weight(type, count, columns, on: backend))
                biases.append(hasBias ? try inputs.matrix(1, count).tensor(on: backend) : nil)
                before.append(inputs.matrix(rows, count))
            }
            let stream = backend.makeStream()
            return { [weights, biases, before] chosen throws(BackendError) in
                var results = [Tensor]()
                for matrix in before {
                    results.append(
                        accumulate
                            ? try matrix.tensor(chosen, on: backend)
                            : try backend.makeTensor(rows: chosen.count, columns: matrix.columns))
                }
                stream.linear(
                    try input.tensor(chosen, on: backend), weights: weights, biases: biases, into: results,
                    accumulate: accumulate)
                var joined = [[Float]](repeating: [], count: chosen.count)
                for result in results {
                    for (index, row) in try stream.rows(of: result).enumerated() { joined[index] += row }
                }
                return joined
            }
        }
    }

    static func gatedLinear(_ type: WeightType, rows: Int, columns: Int, outputs: Int) -> OpCase {
        OpCase(
            description: "gatedLinear \(type.name) [\(rows), \(columns)] · [\(outputs)]ᵀ",
            requirement: (.linear, type), rows: rows, tolerance: linearTolerance(type) * 4
        ) { backend throws(BackendError) in
            var inputs = Inputs(seed: 3)
            let input = inputs.matrix(rows, columns)
            let gate = try inputs.weight(type, outputs, columns, on: backend)
            let up = try inputs.weight(type, outputs, columns, on: backend)
            let stream = backend.makeStream()
            return { chosen throws(BackendError) in
                let output = try backend.makeTensor(rows: chosen.count, columns: outputs)
                stream.gatedLinear(try input.tensor(chosen, on: backend), gate: gate, up: up, into: output)
                return try stream.rows(of: output)
            }
        }
    }

    static func rmsNorm(rows: Int, columns: Int) -> OpCase {
        OpCase(
            description: "rmsNorm [\(rows), \(columns)]", requirement: nil, rows: rows, tolerance: 1e-11
        ) { backend throws(BackendError) in
            var inputs = Inputs(seed: 4)
            let matrix = inputs.matrix(rows, columns)
            let weight = try inputs.matrix(1, columns).tensor(on: backend)
            let stream = backend.makeStream()
            return { chosen throws(BackendError) in
                let input = try matrix.tensor(chosen, on: backend)
                let output = try backend.makeTensor(rows: chosen.count, columns: columns)
                stream.rmsNorm(input, weight: weight, epsilon: 1e-5, into: output)
                // In place gives the same.
                stream.rmsNorm(input, weight: weight, epsilon: 1e-5, into: input)
                return zip(try stream.rows(of: output), try stream.rows(of: input)).map { $0 + $1 }
            }
        }
    }

    /// A gated layer whose products are exact, because each output takes one input: what is left is `activation(gate) ⊙ up`.
    static func gatedUnit(_ activation: GateActivation, up: WeightType, rows: Int, outputs: Int) -> OpCase {
        OpCase(
            description:
                "gatedLinear f32, \(up.name) with \(activation), of one input each [\(rows), \(2 * outputs)]",
            requirement: (.linear, up), rows: rows, tolerance: 1e-11
        ) { backend throws(BackendError) in
            var inputs = Inputs(seed: 5)
            let input = inputs.matrix(rows, 2 * outputs, magnitude: 12)
            // The first half of the inputs are gates.
            let gates = try Inputs.selection(0..<outputs, of: 2 * outputs, .f32, on: backend)
            let ups = try Inputs.selection(outputs..<2 * outputs, of: 2 * outputs, up, on: backend)
            let stream = backend.makeStream()
            return { chosen throws(BackendError) in
                let output = try backend.makeTensor(rows: chosen.count, columns: outputs)
                stream.gatedLinear(
                    try input.tensor(chosen, on: backend), gate: gates, up: ups, activation: activation,
                    into: output)
                return try stream.rows(of: output)
            }
        }
    }

    static func scale(rows: Int, columns: Int) -> OpCase {
        inPlace("scale", rows: rows, columns: columns, tolerance: 0) { $0.scale($1, by: 0.22) }
    }

    static func softcap(rows: Int, columns: Int) -> OpCase {
        inPlace("softcap", rows: rows, columns: columns, tolerance: 1e-12) { $0.softcap($1, limit: 5) }
    }

    /// An operation on the elements of a matrix of numbers up to 36.
    private static func inPlace(
        _ name: String, rows: Int, columns: Int, tolerance: Double,
        _ operation: @escaping @Sendable (any ComputeStream, Tensor) -> Void
    ) -> OpCase {
        OpCase(
            description: "\(name) [\(rows), \(columns)]", requirement: nil, rows: rows, tolerance: tolerance
        ) { backend throws(BackendError) in
            var inputs = Inputs(seed: 14)
            let values = inputs.matrix(rows, columns, magnitude: 12)
            let stream = backend.makeStream()
            return { chosen throws(BackendError) in
                let tensor = try values.tensor(chosen, on: backend)
                operation(stream, tensor)
                return try stream.rows(of: tensor)
            }
        }
    }

    static func gatherRows(rows: Int, columns: Int) -> OpCase {
        OpCase(
            description: "gatherRows [\(rows), \(columns)]", requirement: nil, rows: rows, tolerance: 0
        ) { backend throws(BackendError) in
            var inputs = Inputs(seed: 6)
            let input = try inputs.matrix(rows, columns).tensor(on: backend)
            let stream = backend.makeStream()
            return { chosen throws(BackendError) in
                // Row by row: each into its place behind the others, which stay.
                let output = try backend.makeTensor(rows: chosen.count, columns: columns)
                for (place, row) in chosen.enumerated() {
                    stream.gatherRows(input, rows: [row * 11 % rows], into: output, at: place)
                }
                let whole = try backend.makeTensor(rows: chosen.count, columns: columns)
                stream.gatherRows(input, rows: chosen.map { $0 * 11 % rows }, into: whole)
                stream.add(whole, to: output)
                return try stream.rows(of: output)
            }
        }
    }
}
