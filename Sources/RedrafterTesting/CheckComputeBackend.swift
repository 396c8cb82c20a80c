import RedrafterCore
import RedrafterModels

/// Something a plug-in does not do as its protocol says.
public struct ConformanceFailure: Sendable, Hashable, CustomStringConvertible {
    /// The operation or case.
    public let subject: String
    public let message: String

    public var description: String { "\(subject): \(message)" }
}

/// Checks a backend against the contract of `ComputeBackend`: every operation against the reference backend within the
/// case's tolerance, row invariance bit for bit, and a whole model: trees against chains, commits against fresh prefills,
/// chunks of a prompt against the whole.
///
/// Weight types the backend says it does not support are skipped; F32 is required.
/// - Returns: all failures; an empty list is a pass.
/// - Throws: what the backend throws.
public func checkComputeBackend(_ backend: any ComputeBackend) throws -> [ConformanceFailure] {
    try checkComputeBackend(backend, about: nil)
        + WeightType.allCases.flatMap { try checkComputeBackend(backend, about: $0) }
}

/// The part of the contract that is about one type of weights, or with nil the part that is about none: all of them together
/// are the contract. For backends that make something for each type, and have to free it before the next.
public func checkComputeBackend(
    _ backend: any ComputeBackend, about type: WeightType?
) throws -> [ConformanceFailure] {
    let cases = OpCases.all.filter { $0.requirement?.type == type }
    guard let type else {
        return try checkOperations(backend, cases) + checkTop(backend) + checkMoves(backend)
    }
    return try checkOperations(backend, cases) + checkModels(backend, types: [type])
}

/// Every op case against the reference, and each of its rows alone and in smaller batches, bit for bit.
public func checkOperations(_ backend: any ComputeBackend, _ cases: [OpCase] = OpCases.all) throws
    -> [ConformanceFailure]
{
    var failures = [ConformanceFailure]()
    for opCase in cases {
        if let (operation, type) = opCase.requirement,
            case .unsupported(let reason) = backend.support(operation, type)
        {
            if type == .f32 {
                failures.append(
                    ConformanceFailure(subject: opCase.description, message: "f32 is required: \(reason)"))
            }
            continue
        }
        let all = Array(0..<opCase.rows)
        let evaluation = try opCase.prepare(backend)
        let got = try evaluation(all)
        let error = normalisedError(got.flatMap { $0 }, try opCase.expected().flatMap { $0 })
        if !(error <= opCase.tolerance) {
            failures.append(
                ConformanceFailure(
                    subject: opCase.description,
                    message: "error \(error) against the reference, allowed \(opCase.tolerance)"))
        }
        if let (rows, row) = try firstVariance(evaluation, got) {
            failures.append(
                ConformanceFailure(
                    subject: opCase.description,
                    message: "row \(row) differs when computed with rows \(rows) only"))
        }
    }
    return failures
}

/// The first batch of some of the rows, and the row in it, whose bits differ from those of all rows together.
private func firstVariance(
    _ evaluation: OpCase.Evaluation, _ expected: [[Float]]
) throws -> (rows: [Int], row: Int)? {
    let all = Array(expected.indices)
    // Each row alone, every number of rows up to 64, and the rows in reverse.
    var batches = all.map { [$0] } + (2...64).filter { $0 < all.count }.map { Array(all.suffix($0)) }
    batches.append(all.reversed())
    for batch in batches {
        let got = try evaluation(batch)
        for (index, row) in batch.enumerated()
        where got[index].map(\.bitPattern) != expected[row].map(\.bitPattern) {
            return (batch, row)
        }
    }
    return nil
}

/// `top` against a full sort: ties, vocabularies narrower than the head, and damaged rows.
public func checkTop(_ backend: any ComputeBackend) throws -> [ConformanceFailure] {
    var failures = [ConformanceFailure]()
    let stream = backend.makeStream()
    let reference = ReferenceBackend()
    var inputs = Inputs(seed: 9)
    for (rows, columns, vocabulary, count) in [
        (1, 1000, 1000, 1), (3, 517, 500, 40), (64, 70, 64, 64), (2, 5, 1, 1),
    ] {
        // On a grid of quarters many logits are equal.
        let values = inputs.values(rows * columns).map { ($0 * 4).rounded() / 4 }
        let got = try stream.top(
            count, of: backend.makeTensor(rows: rows, columns: columns, values: values),
            vocabulary: vocabulary)
        let expected = try reference.makeStream().top(
            count, of: reference.makeTensor(rows: rows, columns: columns, values: values),
            vocabulary: vocabulary)
        if got != expected {
            failures.append(
                ConformanceFailure(
                    subject: "top \(count) of [\(rows), \(columns)], vocabulary \(vocabulary)",
                    message: "wrong order or logits"))
        }
    }
    return try failures + checkDamagedRows(backend)
}

/// A damaged row among sound ones: its list is empty, theirs are what they are without it.
private func checkDamagedRows(_ backend: any ComputeBackend) throws -> [ConformanceFailure] {
    let columns = 150
    var inputs = Inputs(seed: 10)
    let values = inputs.values(3 * columns)
    var damages: [(name: String, row: [Float])] = [
        ("−infinity throughout", [Float](repeating: -.infinity, count: columns)),
        ("NaN throughout", [Float](repeating: .nan, count: columns)),
    ]
    for damage in [Float.nan, .infinity] {
        for index in [0, 77, columns - 1] {
            var row = Array(values[..<columns])
            row[index] = damage
            damages.append(("\(damage) at \(index)", row))
        }
    }
    var failures = [ConformanceFailure]()
    for count in [1, 40] {
        let sound = try ReferenceBackend().top(count, of: values, columns: columns)
        for damage in damages {
            for place in 0..<3 {
                var damaged = values
                damaged.replaceSubrange(place * columns..<(place + 1) * columns, with: damage.row)
                var expected = sound
                expected[place] = []
                let got = try backend.top(count, of: damaged, columns: columns)
                for row in 0..<3 where got[row] != expected[row] {
                    failures.append(
                        ConformanceFailure(
                            subject: "top \(count) with \(damage.name) in row \(place) of 3",
                            message: row == place ? "the row is not left empty" : "row \(row) is affected"))
                }
            }
        }
    }
    return failures
}

extension ComputeBackend {
    fileprivate func top(
        _ count: Int, of values: [Float], columns: Int
    ) throws(BackendError) -> [[TokenLogit]] {
        try makeStream().top(
            count, of: makeTensor(rows: values.count / columns, columns: columns, values: values),
            vocabulary: columns)
    }
}

/// Σ(got − expected)² / Σ expected²; NaN where shapes differ or values are no numbers.
func normalisedError(_ got: [Float], _ expected: [Float]) -> Double {
    guard got.count == expected.count else { return .nan }
    var (difference, total) = (0.0, 0.0)
    for (a, b) in zip(got, expected) {
        difference += (Double(a) - Double(b)) * (Double(a) - Double(b))
        total += Double(b) * Double(b)
    }
    return difference == 0 ? 0 : difference / total
}
