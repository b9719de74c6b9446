"""Medical devices: insulin therapy in thirty virtual patients, and glucose forecasts. In silico; nothing for dosing."""
