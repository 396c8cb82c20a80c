#version 450
// Rows from one matrix into columns of another; columns past the input's are filled with zeros.
layout(constant_id = 0) const int WIDTH = 64;
layout(local_size_x_id = 0) in;

layout(binding = 2) readonly buffer Input { float inputs[]; };  // [_, input_columns]
layout(binding = 3) writeonly buffer Output { float outputs[]; };  // [rows, output_stride]
layout(binding = 4) readonly buffer Rows { int rows[]; };  // [rows]

layout(push_constant) uniform Push {
    int input_columns;
    int columns;
    int output_stride;
    int first_column;
} push;

void main() {
    const int column = int(gl_GlobalInvocationID.x);
    if (column >= push.columns) return;
    const int row = int(gl_WorkGroupID.y);
    const float value = column < push.input_columns ? inputs[rows[row] * push.input_columns + column] : 0.0;
    outputs[row * push.output_stride + push.first_column + column] = value;
}
