/// Chat formats in use among the supported model families, as templates, for files that have none.
///
/// They are taken by name only: which format a model was trained for cannot be seen from its weights.
public enum BuiltInChatTemplate: String, CaseIterable, Sendable {
    /// `<|im_start|>role\ncontent<|im_end|>\n`
    case chatML = "chatml"
    /// `[INST] <<SYS>>\nsystem\n<</SYS>>\n\nuser [/INST] assistant </s>`
    case llama2
    /// `<|start_header_id|>role<|end_header_id|>\n\ncontent<|eot_id|>`
    case llama3
    /// `[INST] user [/INST] assistant</s>`, the system message before the first text.
    case mistral
    /// `system USER: … ASSISTANT: …</s>`
    case vicuna
    /// `<|role|>\ncontent</s>\n`
    case zephyr

    /// All names.
    public static var names: [String] { allCases.map(\.rawValue) }

    /// The Jinja text.
    public var source: String {
        switch self {
        case .chatML:
            """
            {%- for message in messages %}
            {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
            {%- endfor %}
            {%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
            """
        case .llama2:
            Self.systemMessage + """
                {%- for message in turns %}
                {%- set content = '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' + message.content
                    if loop.first and system is defined else message.content %}
                {%- if message.role == 'user' %}{{ bos_token ~ '[INST] ' ~ content.strip() ~ ' [/INST]' }}
                {%- else %}{{ ' ' ~ content.strip() ~ ' ' ~ eos_token }}{% endif %}
                {%- endfor %}
                """
        case .llama3:
            """
            {{- bos_token }}
            {%- for message in messages %}
            {{- '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' + message.content.strip() + '<|eot_id|>' }}
            {%- endfor %}
            {%- if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}
            """
        case .mistral:
            Self.systemMessage + """
                {{- bos_token }}
                {%- for message in turns %}
                {%- set content = system + '\\n\\n' + message.content
                    if loop.first and system is defined else message.content %}
                {%- if message.role == 'user' %}{{ '[INST] ' + content + ' [/INST]' }}
                {%- else %}{{ content ~ eos_token }}{% endif %}
                {%- endfor %}
                """
        case .vicuna:
            Self.systemMessage + """
                {{- system if system is defined else 'A chat between a curious user and an artificial intelligence assistant. '
                    'The assistant gives helpful, detailed, and polite answers to the user\\'s questions.' }}
                {%- for message in turns %}
                {%- if message.role == 'user' %}{{ ' USER: ' + message.content.strip() }}
                {%- else %}{{ ' ASSISTANT: ' ~ message.content.strip() ~ eos_token }}{% endif %}
                {%- endfor %}
                {%- if add_generation_prompt %}{{ ' ASSISTANT:' }}{% endif %}
                """
        case .zephyr:
            """
            {%- for message in messages %}{{ '<|' ~ message.role ~ '|>\\n' ~ message.content ~ eos_token ~ '\\n' }}{% endfor %}
            {%- if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}
            """
        }
    }

    /// Sets `system`, where there is one, and `turns`, the messages without it.
    private static let systemMessage = """
        {%- set turns = messages %}
        {%- if messages and messages[0].role == 'system' %}
        {%- set system = messages[0].content %}
        {%- set turns = messages[1:] %}
        {%- endif %}

        """
}
