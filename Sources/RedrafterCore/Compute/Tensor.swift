/// Storage owned by a backend, in whatever form the device wants it.
public protocol ComputeBuffer: AnyObject, Sendable {}

/// A matrix of float activations on the device, row-major. `[rows, columns]`
public struct Tensor: Sendable {
    public let buffer: any ComputeBuffer
    public let rows: Int
    public let columns: Int

    public init(buffer: any ComputeBuffer, rows: Int, columns: Int) {
        self.buffer = buffer
        self.rows = rows
        self.columns = columns
    }

    /// The same elements as rows of `columns`, which divide the columns of this one: the heads of each row, one below the other.
    public func split(columns: Int) -> Tensor {
        precondition(
            columns > 0 && self.columns % columns == 0, "\(self.columns) columns in parts of \(columns)")
        return Tensor(buffer: buffer, rows: rows * (self.columns / columns), columns: columns)
    }

    /// The first `count` rows of the same storage.
    public func prefix(_ count: Int) -> Tensor {
        precondition(count >= 0 && count <= rows, "a prefix of \(count) rows of \(rows)")
        return Tensor(buffer: buffer, rows: count, columns: columns)
    }
}
