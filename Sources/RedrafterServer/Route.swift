#if Server
    import HTTPTypes

    /// What can be asked for.
    enum Route: String, CaseIterable {
        case page = "/"
        case health = "/health"
        case models = "/v1/models"
        case chat = "/v1/chat/completions"
        case completion = "/v1/completions"
        case tokenize = "/tokenize"
        case detokenize = "/detokenize"
        case metrics = "/metrics"

        /// The route of an address. Addresses are compared as they come: nothing is decoded or shortened.
        init?(address: String) {
            let path = address.prefix { $0 != "?" }
            self.init(rawValue: String(path))
        }

        var method: HTTPRequest.Method {
            switch self {
            case .page, .health, .models, .metrics: .get
            case .chat, .completion, .tokenize, .detokenize: .post
            }
        }

        func allows(_ other: HTTPRequest.Method) -> Bool {
            other == method || other == .options || (other == .head && method == .get)
        }

        var allowed: String { method == .get ? "GET, HEAD, OPTIONS" : "POST, OPTIONS" }

        /// The page and the health tell nothing; an address that leads nowhere does not tell that without a key.
        static func needsKey(_ address: String) -> Bool {
            switch Route(address: address) {
            case .page, .health: false
            default: true
            }
        }
    }
#endif
