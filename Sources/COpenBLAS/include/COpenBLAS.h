int redrafter_openblas_placeholder(void);
