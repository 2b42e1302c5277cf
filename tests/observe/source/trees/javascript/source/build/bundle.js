const os = require('os');
test('name', () => { os.hostname(); require('fs').writeFileSync('/tmp/x', ''); });
const password = 'hunter2';
