import RedrafterCore

/// Operations that only drafters use.
extension OpCases {
    static let headCases = [
        silu(rows: 33, columns: 576, hasResidual: false), silu(rows: 9, columns: 70, hasResidual: true),
        add(rows: 5, columns: 48), concatenate(rows: 17, columns: [64, 40], broadcasts: false),
        concatenate(rows: 8, columns: [576, 576], broadcasts: true),
        topLogProbabilities(rows: 20, columns: 8200, vocabulary: 8192, count: 20),
        topLogProbabilities(rows: 3, columns: 97, vocabulary: 97, count: 97),
    ]

    private static func silu(rows: Int, columns: Int, hasResidual: Bool) -> OpCase {
        OpCase(
            description: "silu [\(rows), \(columns)]\(hasResidual ? " + residual" : "")", requirement: nil,
            rows: rows, tolerance: 1e-11
        ) { backend throws(BackendError) in
            var inputs = Inputs(seed: 11)
            let values = inputs.matrix(rows, columns, magnitude: 12)
            let residuals = inputs.matrix(rows, columns)
            let stream = backend.makeStream()
            return { chosen throws(BackendError) in
                let input = try values.tensor(chosen, on: backend)
                let residual = hasResidual ? try residuals.tensor(chosen, on: backend) : nil
                let output = try backend.makeTensor(rows: chosen.count, columns: columns)
                stream.silu(input, adding: residual, into: output)
                // In place gives the same.
                stream.silu(input, adding: residual, into: input)
                return zip(try stream.rows(of: output), try stream.rows(of: input)).map { $0 + $1 }
            }
        }
    }

    private static func add(rows: Int, columns: Int) -> OpCase {
        OpCase(
            description: "add [\(rows), \(columns)]", requirement: nil, rows: rows, tolerance: 0
        ) { backend throws(BackendError) in
            var inputs = Inputs(seed: 12)
            let (values, before) = (inputs.matrix(rows, columns), inputs.matrix(rows, columns))
            let stream = backend.makeStream()
            return { chosen throws(BackendError) in
                let output = try before.tensor(chosen, on: backend)
                stream.add(try values.tensor(chosen, on: backend), to: output)
                return try stream.rows(of: output)
            }
        }
    }

    private static func concatenate(rows: Int, columns: [Int], broadcasts: Bool) -> OpCase {
        OpCase(
            description: "concatenate [\(rows), \(columns)]\(broadcasts ? ", one row for all" : "")",
            requirement: nil, rows: rows, tolerance: 0
        ) { backend throws(BackendError) in
            var inputs = Inputs(seed: 13)
            let matrices = columns.map { inputs.matrix(rows, $0) }
            let stream = backend.makeStream()
            return { chosen throws(BackendError) in
                var tensors = [Tensor]()
                for (index, matrix) in matrices.enumerated() {
                    tensors.append(
                        try matrix.tensor(broadcasts && index == 0 ? [0] : chosen, on: backend))
                }
                let output = try backend.makeTensor(rows: chosen.count, columns: columns.reduce(0, +))
                stream.concatenate(tensors, into: output)
                return try stream.rows(of: output)
            }
        }
    }

    /// Ids and values of the lists, side by side.
    private static func topLogProbabilities(
        rows: Int, columns: Int, vocabulary: Int, count: Int
    ) -> OpCase {
        OpCase(
            description: "topLogProbabilities \(count) of [\(rows), \(columns)], vocabulary \(vocabulary)",
            requirement: nil, rows: rows, tolerance: 1e-11
        ) { backend throws(BackendError) in
            var inputs = Inputs(seed: 14)
            let logits = inputs.matrix(rows, columns, magnitude: 8)
            let stream = backend.makeStream()
            return { chosen throws(BackendError) in
                try stream.topLogProbabilities(
                    count, of: try logits.tensor(chosen, on: backend), vocabulary: vocabulary
                ).map { $0.map { Float($0.token) } + $0.map(\.logit) }
            }
        }
    }
}
