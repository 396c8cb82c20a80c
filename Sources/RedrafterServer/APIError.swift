#if Server
    import HTTPTypes
    import RedrafterCore
    import RedrafterFormats

    /// A request that is not served, in OpenAI's terms.
    struct APIError: Error, Equatable {
        var status: HTTPResponse.Status
        /// One sentence; what it quotes is escaped and cut.
        var message: String
        /// The field of the request that is at fault.
        var parameter: String?
        var code: String?
        /// Seconds.
        var retryAfter: Int?

        init(
            _ status: HTTPResponse.Status, _ message: String, parameter: String? = nil, code: String? = nil,
            retryAfter: Int? = nil
        ) {
            self.status = status
            self.message = TerminalText.escaped(message, limit: Self.messageLimit)
            self.parameter = parameter.map { TerminalText.escaped($0, limit: Self.parameterLimit) }
            self.code = code
            self.retryAfter = retryAfter
        }

        private static let messageLimit = 1000
        private static let parameterLimit = 100

        /// A field that is wrong.
        static func field(_ name: String, _ problem: String, code: String? = nil) -> APIError {
            let shown = TerminalText.escaped(name, limit: parameterLimit)
            return APIError(.badRequest, "'\(shown)' \(problem)", parameter: name, code: code)
        }

        /// The class of the error, by its status.
        private var type: String {
            switch status.code {
            case 401: "authentication_error"
            case 403: "permission_error"
            case 408: "timeout_error"
            case 429: "rate_limit_error"
            case 503: "unavailable_error"
            case 500...: "server_error"
            default: "invalid_request_error"
            }
        }

        /// `{"error": {"message", "type", "param", "code"}}`
        var json: JSONValue {
            .object([
                "error": .object([
                    "message": .string(message), "type": .string(type),
                    "param": parameter.map(JSONValue.string) ?? .null,
                    "code": code.map(JSONValue.string) ?? .null,
                ])
            ])
        }
    }

    extension APIError {
        static let draining = APIError(
            .serviceUnavailable, "The server is shutting down", code: "shutting_down", retryAfter: 30)
        static let loading = APIError(.serviceUnavailable, "Loading model", code: "loading", retryAfter: 5)
        static let headersTooLate = APIError(.requestTimeout, "The request's header took too long")
        static let bodyTooLate = APIError(.requestTimeout, "The request's body took too long")
        static let unauthorized = APIError(
            .unauthorized, "The API key is missing or wrong; send it as 'Authorization: Bearer KEY'",
            code: "invalid_api_key")

        static func bodyTooLarge(_ limit: Int) -> APIError {
            APIError(.contentTooLarge, "The body has more than \(limit) bytes", code: "body_too_large")
        }

        static func addressTooLong(_ limit: Int) -> APIError {
            APIError(.uriTooLong, "The address has more than \(limit) bytes")
        }

        static func headersTooLarge(_ limits: ServerLimits) -> APIError {
            APIError(
                .requestHeaderFieldsTooLarge,
                "The header has more than \(limits.headerFields) fields or \(limits.headerBytes) bytes")
        }
    }
#endif
