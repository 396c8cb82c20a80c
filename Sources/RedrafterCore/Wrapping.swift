/// The value of an expression of an inner module, whose error is wrapped into one of this module:
///
///     let json = try wrapping(ModelError.format, try JSONValue(path: path))
package func wrapping<Value, Inner: Error, Outer: Error>(
    _ wrap: (Inner) -> Outer, _ expression: @autoclosure () throws(Inner) -> Value
) throws(Outer) -> Value {
    do { return try expression() } catch { throw wrap(error) }
}
