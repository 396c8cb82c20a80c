/// One entry of a top-k list.
public struct TokenLogit: Sendable, Hashable {
    public var token: Int32
    public var logit: Float

    public init(token: Int32, logit: Float) {
        self.token = token
        self.logit = logit
    }
}
