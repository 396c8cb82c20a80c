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
    try checkOperations(backend) + checkTop(backend) + checkMoves(backend) + checkModels(backend)
}

/// Every op case against the reference, and each of its rows alone and in smaller batches, bit for bit.
public func checkOperations(_ backend: any ComputeBackend, _ cases: [OpCase] = OpCases.all) throws
    -> [ConformanceFailure]
{
    let reference = ReferenceBackend()
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
        let error = normalisedError(got.flatMap { $0 }, try opCase.prepare(reference)(all).flatMap { $0 })
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
    for (damage, index) in [(Float.nan, 0), (.nan, 99), (.infinity, 50), (.nan, 149)] {
        var values = inputs.values(300)
        values[150 + index] = damage
        let tensor = try backend.makeTensor(rows: 2, columns: 150, values: values)
        for count in [1, 40]
        where !refuses({ () throws(BackendError) in _ = try stream.top(count, of: tensor, vocabulary: 150) })
        {
            failures.append(
                ConformanceFailure(subject: "top \(count)", message: "\(damage) at \(index) is not refused"))
        }
    }
    let empty = try backend.makeTensor(
        rows: 1, columns: 20, values: [Float](repeating: -.infinity, count: 20))
    if !refuses({ () throws(BackendError) in _ = try stream.top(1, of: empty, vocabulary: 20) }) {
        failures.append(ConformanceFailure(subject: "top 1", message: "a row of −infinity is not refused"))
    }
    return failures
}

/// Whether the body says that logits are not finite.
private func refuses(_ body: () throws(BackendError) -> Void) -> Bool {
    do {
        try body()
        return false
    } catch {
        guard case .nonFinite = error else { return false }
        return true
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
