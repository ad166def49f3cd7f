/* Syncs that do nothing, for the control of `scripts/soak images`: with it, power cuts have to lose something. */
int fsync(int fd) { (void)fd; return 0; }
int fdatasync(int fd) { (void)fd; return 0; }
int syncfs(int fd) { (void)fd; return 0; }
void sync(void) {}
