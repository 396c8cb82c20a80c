/// A count or a number of bytes that came from outside, in arithmetic that cannot trap or wrap.
///
/// Once an operation overflows (or a source value is negative) the size is invalid and stays so;
/// `value` is nil then. Build the whole expression and look at the end, once.
public struct CheckedSize: Sendable, Hashable {
    /// The size, or nil after an overflow.
    public let value: Int?

    public init(_ value: Int) { self.value = value >= 0 ? value : nil }
    public init(_ value: UInt64) { self.value = Int(exactly: value) }
    public init(_ value: UInt32) { self.value = Int(exactly: value) }
    private init(unchecked value: Int?) { self.value = value }

    /// The product of all dimensions; 1 for none.
    public init(product dimensions: some Sequence<Int>) {
        self = dimensions.reduce(CheckedSize(1)) { $0 * CheckedSize($1) }
    }

    public static func + (a: CheckedSize, b: CheckedSize) -> CheckedSize {
        combine(a, b) { $0.addingReportingOverflow($1) }
    }

    public static func * (a: CheckedSize, b: CheckedSize) -> CheckedSize {
        combine(a, b) { $0.multipliedReportingOverflow(by: $1) }
    }

    public static func + (a: CheckedSize, b: Int) -> CheckedSize { a + CheckedSize(b) }
    public static func * (a: CheckedSize, b: Int) -> CheckedSize { a * CheckedSize(b) }

    /// Rounds up to a multiple of `alignment` (a positive number).
    public func aligned(to alignment: Int) -> CheckedSize {
        guard alignment > 0, let sum = (self + (alignment - 1)).value else {
            return CheckedSize(unchecked: nil)
        }
        return CheckedSize(sum / alignment * alignment)
    }

    private static func combine(
        _ a: CheckedSize, _ b: CheckedSize, _ operation: (Int, Int) -> (Int, Bool)
    ) -> CheckedSize {
        guard let x = a.value, let y = b.value else { return CheckedSize(unchecked: nil) }
        let (result, overflow) = operation(x, y)
        return CheckedSize(unchecked: overflow ? nil : result)
    }
}
