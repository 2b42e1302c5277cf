module.exports = {
  apps: [
    {
      name: 'shop',
      script: './src/server.js',
      exec_mode: 'cluster',
      instances: 'max',
      env: { NODE_ENV: 'production', PORT: 3000 },
    },
  ],
};
