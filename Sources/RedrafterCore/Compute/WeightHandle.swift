/// A weight matrix in the backend's own layout, repacked once when it was loaded. `[rows, columns]`
public protocol WeightHandle: AnyObject, Sendable {
    /// Output features.
    var rows: Int { get }
    /// Input features.
    var columns: Int { get }
    var type: WeightType { get }
}
