#version 450
// Root-mean-square norm: a group for each row, sums by lane and then over the lanes in order.
layout(constant_id = 0) const int WIDTH = 8;
layout(local_size_x_id = 0) in;

layout(binding = 2) readonly buffer Input { float inputs[]; };  // [rows, columns]
layout(binding = 3) buffer Output { float outputs[]; };  // [rows, columns], may be the input
layout(binding = 4) readonly buffer Weight { float weight[]; };  // [columns]

layout(push_constant) uniform Push {
    int columns;
    float epsilon;
} push;

shared float partial[WIDTH];

void main() {
    const int lane = int(gl_LocalInvocationID.x);
    const int start = int(gl_WorkGroupID.x) * push.columns;
    precise float sum = 0;
    for (int column = lane; column < push.columns; column += WIDTH) {
        const float x = inputs[start + column];
        sum = fma(x, x, sum);
    }
    partial[lane] = sum;
    barrier();
    precise float total = 0;
    for (int other = 0; other < WIDTH; other++) total += partial[other];
    precise float scale = 1.0 / sqrt(total / float(push.columns) + push.epsilon);
    for (int column = lane; column < push.columns; column += WIDTH) {
        precise float value = inputs[start + column] * scale * weight[column];
        outputs[start + column] = value;
    }
}
