int redrafter_kernels_placeholder(void);
