import path from 'node:path';

export default {
  turbopack: { root: path.resolve('..') },
  outputFileTracingRoot: path.resolve('..'),
  distDir: process.env.NEXT_DIST ?? '.next',
};
